import type { KubernetesObject, Resource } from './api.ts';
import * as objects from './objects.ts';

export interface Known<T> {
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** That we can read, the one that we would rather. */
  readonly versions: readonly [string, ...string[]];
  /** The kind of an operator: a cluster may not serve it. */
  readonly custom: boolean;
  readonly fieldSelector?: string;
  readonly keep: (object: KubernetesObject) => T;
}

const core = <T>(plural: string, keep: (object: KubernetesObject) => T, namespaced = true): Known<T> => ({
  group: '',
  plural,
  namespaced,
  versions: ['v1'],
  custom: false,
  keep,
});
const grouped = <T>(
  group: string,
  plural: string,
  keep: (object: KubernetesObject) => T,
  namespaced = true,
): Known<T> => ({
  ...core(plural, keep, namespaced),
  group,
});
const custom = (
  group: string,
  plural: string,
  versions: readonly [string, ...string[]],
  namespaced = true,
): Known<objects.Custom> => ({ group, plural, namespaced, versions, custom: true, keep: objects.keepCustom });
const customWorkload = (
  group: string,
  plural: string,
  versions: readonly [string, ...string[]],
  keep: (object: KubernetesObject) => objects.CustomWorkload,
): Known<objects.CustomWorkload> => ({ ...custom(group, plural, versions), keep });

/** Every kind that a census can list. deploy/rbac.yaml allows each of them. */
export const KINDS = {
  namespaces: core('namespaces', objects.keepNamespace, false),
  nodes: core('nodes', objects.keepNode, false),
  pods: core('pods', objects.keepPod),
  services: core('services', objects.keepService),
  claims: core('persistentvolumeclaims', objects.keepClaim),
  volumes: core('persistentvolumes', objects.keepVolume, false),
  deployments: grouped('apps', 'deployments', objects.keepDeployment),
  replicaSets: grouped('apps', 'replicasets', objects.keepReplicaSet),
  statefulSets: grouped('apps', 'statefulsets', objects.keepStatefulSet),
  daemonSets: grouped('apps', 'daemonsets', objects.keepDaemonSet),
  jobs: grouped('batch', 'jobs', objects.keepJob),
  storageClasses: grouped('storage.k8s.io', 'storageclasses', objects.keepStorageClass, false),
  endpointSlices: grouped('discovery.k8s.io', 'endpointslices', objects.keepEndpointSlice),
  /** Normal ones tell what went well, and are most of them. */
  warnings: { ...grouped('events.k8s.io', 'events', objects.keepEvent), fieldSelector: 'type=Warning' },
  ingresses: grouped('networking.k8s.io', 'ingresses', objects.keepIngress),
  disruptionBudgets: grouped('policy', 'poddisruptionbudgets', objects.keepDisruptionBudget),
  applications: custom('argoproj.io', 'applications', ['v1alpha1']),
  appProjects: custom('argoproj.io', 'appprojects', ['v1alpha1']),
  kafkas: custom('kafka.strimzi.io', 'kafkas', ['v1', 'v1beta2']),
  kafkaNodePools: custom('kafka.strimzi.io', 'kafkanodepools', ['v1', 'v1beta2']),
  kafkaTopics: custom('kafka.strimzi.io', 'kafkatopics', ['v1', 'v1beta2']),
  kafkaUsers: custom('kafka.strimzi.io', 'kafkausers', ['v1', 'v1beta2']),
  strimziPodSets: customWorkload('core.strimzi.io', 'strimzipodsets', ['v1', 'v1beta2'], objects.keepStrimziPodSet),
  rayClusters: customWorkload('ray.io', 'rayclusters', ['v1'], objects.keepRayCluster),
  rayJobs: custom('ray.io', 'rayjobs', ['v1']),
  rayServices: custom('ray.io', 'rayservices', ['v1']),
  dorisClusters: customWorkload('doris.selectdb.com', 'dorisclusters', ['v1'], objects.keepDorisCluster),
  clusterPolicies: custom('kyverno.io', 'clusterpolicies', ['v1'], false),
  policies: custom('kyverno.io', 'policies', ['v1']),
  policyExceptions: custom('kyverno.io', 'policyexceptions', ['v2', 'v2beta1']),
  policyReports: custom('wgpolicyk8s.io', 'policyreports', ['v1alpha2']),
  clusterPolicyReports: custom('wgpolicyk8s.io', 'clusterpolicyreports', ['v1alpha2'], false),
} as const satisfies Readonly<Record<string, Known<unknown>>>;

export type Kind = keyof typeof KINDS;
/** What is kept of an object of the kind. */
export type Kept<K extends Kind> = ReturnType<(typeof KINDS)[K]['keep']>;

/** The kind in one of its versions. */
export function resourceOf(kind: Kind, version: string): Resource {
  const { group, plural, namespaced } = KINDS[kind];
  return { group, version, plural, namespaced };
}
