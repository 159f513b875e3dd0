import type { KubernetesObject } from './api.ts';

/*
 * What the census keeps of each object: the facts that checks judge, so that ten thousand pods take megabytes and not hundreds of them.
 * Plain data: it crosses to the workers. Times are ISO 8601, as the API has them.
 */

export interface Named {
  /** Null: the kind knows no namespaces. */
  readonly namespace: string | null;
  readonly name: string;
  readonly uid: string;
  readonly createdAt: string;
}

export interface OwnerRef {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export type Labels = Readonly<Record<string, string>>;

/** How a container ended. */
export interface Ended {
  readonly reason: string;
  readonly exitCode: number;
  readonly message: string | null;
  readonly finishedAt: string | null;
}

export type ContainerState =
  | { readonly is: 'running' }
  | { readonly is: 'waiting'; readonly reason: string; readonly message: string | null }
  | ({ readonly is: 'terminated' } & Ended);

export interface Container {
  readonly name: string;
  /** A sidecar is an init container that goes on running (restartPolicy Always, Kubernetes 1.29). */
  readonly role: 'main' | 'init' | 'sidecar';
  readonly image: string;
  /** As it was resolved, with its digest; null: not pulled yet. */
  readonly imageId: string | null;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restarts: number;
  /** Null: the kubelet has not told. */
  readonly state: ContainerState | null;
  /** The end before its last start; null: there was none. */
  readonly last: Ended | null;
  readonly probes: { readonly readiness: boolean; readonly liveness: boolean };
  /** It has a memory limit, and requests for processor and memory. */
  readonly bounded: boolean;
  /** What its securityContext lacks of the restricted Pod Security Standard, the pod's own considered. */
  readonly flaws: readonly string[];
}

export interface Pod extends Named {
  readonly labels: Labels;
  readonly owner: OwnerRef | null;
  readonly node: string | null;
  readonly phase: string;
  /** Why the pod as a whole is in its phase, such as Evicted. */
  readonly reason: string | null;
  readonly message: string | null;
  readonly deletedAt: string | null;
  readonly graceSeconds: number;
  readonly ready: boolean;
  /** Null: it is not ready. */
  readonly readySince: string | null;
  /** What the scheduler says while it finds no node. */
  readonly unschedulable: string | null;
  readonly containers: readonly Container[];
  /** Names of the claims that it mounts. */
  readonly claims: readonly string[];
  readonly hostPaths: readonly string[];
  /** It belongs to a hook of Helm or Argo CD: it is done when it has run. */
  readonly hook: boolean;
}

/** What asks for pods. */
export interface Workload extends Named {
  readonly kind: string;
  readonly owner: OwnerRef | null;
  /** Pods that it asks for. */
  readonly desired: number;
  /** Its controller has seen what it asks for now. */
  readonly observed: boolean;
  /** Why its controller can not create pods, as its condition ReplicaFailure says; events tell the same for an hour only. */
  readonly failure: string | null;
}

export interface Job extends Named {
  readonly owner: OwnerRef | null;
  readonly complete: boolean;
  readonly suspended: boolean;
  readonly failed: { readonly reason: string; readonly message: string } | null;
  readonly hook: boolean;
}

export interface Claim extends Named {
  readonly phase: string;
  readonly storageClass: string | null;
  readonly volume: string | null;
  /** As Kubernetes writes quantities: 10Gi. */
  readonly requested: string | null;
  readonly capacity: string | null;
}

export interface Volume extends Named {
  readonly phase: string;
  readonly storageClass: string | null;
  readonly reclaimPolicy: string;
  /** `namespace/name` of the claim that it is bound to. */
  readonly claim: string | null;
  /** It can be mounted on some nodes only. */
  readonly tied: boolean;
}

export interface StorageClass extends Named {
  readonly provisioner: string;
  readonly bindingMode: string;
  readonly reclaimPolicy: string;
  readonly expandable: boolean;
  readonly isDefault: boolean;
}

export interface ServicePort {
  readonly name: string;
  readonly port: number;
}

export interface Service extends Named {
  readonly type: string;
  readonly ports: readonly ServicePort[];
  readonly selector: Labels | null;
}

export interface EndpointSlice extends Named {
  readonly service: string | null;
  readonly ports: readonly ServicePort[];
  readonly endpoints: readonly { readonly ready: boolean; readonly pod: string | null }[];
}

export interface Event extends Named {
  readonly regarding: OwnerRef & { readonly namespace: string | null };
  readonly reason: string;
  readonly note: string;
  readonly count: number;
  /** When it was last seen. */
  readonly at: string;
}

export interface Node extends Named {
  readonly labels: Labels;
  readonly ready: boolean;
  readonly unready: string | null;
  /** Of memory, disk, process ids, network. */
  readonly pressures: readonly string[];
  readonly cordoned: boolean;
}

export interface Ingress extends Named {
  readonly hosts: readonly string[];
  readonly services: readonly string[];
}

export interface Namespace extends Named {
  readonly phase: string;
  /** What keeps a namespace that is to go. */
  readonly message: string | null;
  readonly labels: Labels;
}

export interface DisruptionBudget extends Named {
  readonly selector: Labels;
  /** Empty, or a selector that matches by expressions: it may match more or less than its labels say. */
  readonly expressions: boolean;
}

/** An operator's object that asks for pods, with the object itself for the suite of its kind. */
export type CustomWorkload = Custom & Workload;

/** An object of an operator's kind, as it is. Its suite reads it. */
export interface Custom extends Named {
  readonly kind: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly generation: number;
  readonly object: KubernetesObject;
}

// biome-ignore lint/suspicious/noExplicitAny: the API's own objects, read once, here
type Raw = any;

export function named({ metadata }: KubernetesObject): Named {
  const { namespace = null, name, uid, creationTimestamp } = metadata;
  return { namespace, name, uid, createdAt: creationTimestamp };
}

function ownerOf({ metadata }: KubernetesObject): OwnerRef | null {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller) ?? metadata.ownerReferences?.[0];
  return owner ? { kind: owner.kind, name: owner.name, uid: owner.uid } : null;
}

/** Source: helm.sh/docs, "Chart Hooks"; argo-cd.readthedocs.io, "Sync Phases and Waves". */
const HOOKS = ['helm.sh/hook', 'argocd.argoproj.io/hook'] as const;
const isHook = ({ metadata }: KubernetesObject): boolean =>
  HOOKS.some((name) => metadata.annotations?.[name] !== undefined);

/** Sent where a pod names none. Source: Kubernetes API reference, PodSpec.terminationGracePeriodSeconds. */
const GRACE_SECONDS = 30;

export function keepPod(object: KubernetesObject): Pod {
  const { metadata, spec, status = {} } = object as Raw;
  const condition = (type: string): Raw => status.conditions?.find((each: Raw) => each.type === type);
  const statuses = new Map<string, Raw>(
    [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map((each: Raw) => [
      each.name,
      each,
    ]),
  );
  const containers = [
    ...(spec.initContainers ?? []).map((each: Raw) =>
      keepContainer(each, each.restartPolicy === 'Always' ? 'sidecar' : 'init', spec, statuses.get(each.name)),
    ),
    ...spec.containers.map((each: Raw) => keepContainer(each, 'main', spec, statuses.get(each.name))),
  ];
  const ready = condition('Ready');
  const scheduled = condition('PodScheduled');
  const volumes: Raw[] = spec.volumes ?? [];
  return {
    ...named(object),
    labels: metadata.labels ?? {},
    owner: ownerOf(object),
    node: spec.nodeName ?? null,
    phase: status.phase ?? 'Unknown',
    reason: status.reason ?? null,
    message: status.message ?? null,
    deletedAt: metadata.deletionTimestamp ?? null,
    graceSeconds: metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? GRACE_SECONDS,
    ready: ready?.status === 'True',
    readySince: ready?.status === 'True' ? (ready.lastTransitionTime ?? null) : null,
    unschedulable: scheduled?.status === 'False' ? (scheduled.message ?? scheduled.reason ?? '') : null,
    containers,
    claims: volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []),
    hostPaths: volumes.flatMap(({ hostPath }) => hostPath?.path ?? []),
    hook: isHook(object),
  };
}

function keepContainer(container: Raw, role: Container['role'], pod: Raw, status: Raw): Container {
  const { requests = {}, limits = {} } = container.resources ?? {};
  return {
    name: container.name,
    role,
    image: container.image ?? '',
    imageId: status?.imageID || null,
    ready: status?.ready ?? false,
    started: status?.started ?? false,
    restarts: status?.restartCount ?? 0,
    state: stateOf(status?.state),
    last: status?.lastState?.terminated ? ended(status.lastState.terminated) : null,
    probes: { readiness: container.readinessProbe !== undefined, liveness: container.livenessProbe !== undefined },
    bounded: limits.memory !== undefined && requests.cpu !== undefined && requests.memory !== undefined,
    flaws: securityFlaws(container.securityContext ?? {}, pod.securityContext ?? {}),
  };
}

function stateOf(state: Raw): ContainerState | null {
  if (state?.waiting)
    return { is: 'waiting', reason: state.waiting.reason ?? '', message: state.waiting.message ?? null };
  if (state?.terminated) return { is: 'terminated', ...ended(state.terminated) };
  return state?.running ? { is: 'running' } : null;
}

const ended = ({ reason, exitCode, message, finishedAt }: Raw): Ended => ({
  reason: reason ?? '',
  exitCode: exitCode ?? 0,
  message: message ?? null,
  finishedAt: finishedAt ?? null,
});

/** Source: kubernetes.io, "Pod Security Standards", Restricted. */
function securityFlaws(own: Raw, pod: Raw): string[] {
  const drops: string[] = (own.capabilities?.drop ?? []).map((name: string) => name.toUpperCase());
  const added: string[] = (own.capabilities?.add ?? []).filter((name: string) => name !== 'NET_BIND_SERVICE');
  const seccomp = (own.seccompProfile ?? pod.seccompProfile)?.type;
  return [
    ...(own.privileged === true ? ['is privileged'] : []),
    ...(own.allowPrivilegeEscalation === false ? [] : ['may escalate its privileges']),
    ...((own.runAsNonRoot ?? pod.runAsNonRoot) === true ? [] : ['may run as root']),
    ...(drops.includes('ALL') ? [] : ['does not drop ALL capabilities']),
    ...(added.length > 0 ? [`adds ${added.join(', ')}`] : []),
    ...(seccomp === 'RuntimeDefault' || seccomp === 'Localhost' ? [] : ['has no seccomp profile']),
  ];
}

/** @param desired of the whole object, as its kind tells it */
const keepWorkload =
  (kind: string, desired: (object: Raw) => number) =>
  (object: KubernetesObject): Workload => ({
    ...named(object),
    kind,
    owner: ownerOf(object),
    desired: desired(object),
    observed: (object.status?.observedGeneration ?? 0) >= (object.metadata.generation ?? 0),
    failure:
      object.status?.conditions?.find((each: Raw) => each.type === 'ReplicaFailure' && each.status === 'True')
        ?.message ?? null,
  });

const replicas = ({ spec }: Raw): number => spec.replicas ?? 1;

export const keepDeployment = keepWorkload('Deployment', replicas);
export const keepReplicaSet = keepWorkload('ReplicaSet', replicas);
export const keepStatefulSet = keepWorkload('StatefulSet', replicas);
function keepCustomWorkload(
  kind: string,
  desired: (object: Raw) => number,
): (object: KubernetesObject) => CustomWorkload {
  const workload = keepWorkload(kind, desired);
  return (object) => ({ ...keepCustom(object), ...workload(object) });
}

/** Its pods are listed whole in its spec. */
export const keepStrimziPodSet = keepCustomWorkload('StrimziPodSet', ({ spec }) => spec.pods?.length ?? 0);
/** The head, and as many workers as the operator has worked out: replicas by hosts, of all groups. */
export const keepRayCluster = keepCustomWorkload('RayCluster', ({ spec, status }) =>
  spec.suspend === true ? 0 : 1 + (status?.desiredWorkerReplicas ?? 0),
);
export const keepDorisCluster = keepCustomWorkload('DorisCluster', ({ spec }) =>
  [spec.feSpec, spec.beSpec, spec.cnSpec, spec.brokerSpec].reduce((sum, part) => sum + (part?.replicas ?? 0), 0),
);
export const keepDaemonSet = keepWorkload('DaemonSet', ({ status }) => status?.desiredNumberScheduled ?? 0);

export function keepJob(object: KubernetesObject): Job {
  const condition = (type: string): Raw =>
    object.status?.conditions?.find((each: Raw) => each.type === type && each.status === 'True');
  const failed = condition('Failed');
  return {
    ...named(object),
    owner: ownerOf(object),
    complete: condition('Complete') !== undefined,
    suspended: object.spec?.suspend === true,
    failed: failed ? { reason: failed.reason ?? '', message: failed.message ?? '' } : null,
    hook: isHook(object),
  };
}

export function keepClaim(object: KubernetesObject): Claim {
  const { spec, status = {} } = object as Raw;
  return {
    ...named(object),
    phase: status.phase ?? 'Pending',
    storageClass: spec.storageClassName ?? null,
    volume: spec.volumeName ?? null,
    requested: spec.resources?.requests?.storage ?? null,
    capacity: status.capacity?.storage ?? null,
  };
}

export function keepVolume(object: KubernetesObject): Volume {
  const { spec, status = {} } = object as Raw;
  return {
    ...named(object),
    phase: status.phase ?? 'Pending',
    storageClass: spec.storageClassName ?? null,
    reclaimPolicy: spec.persistentVolumeReclaimPolicy ?? 'Retain',
    claim: spec.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : null,
    tied: spec.nodeAffinity !== undefined,
  };
}

export function keepStorageClass(object: KubernetesObject): StorageClass {
  const { metadata, provisioner, volumeBindingMode, reclaimPolicy, allowVolumeExpansion } = object as Raw;
  return {
    ...named(object),
    provisioner,
    bindingMode: volumeBindingMode ?? 'Immediate',
    reclaimPolicy: reclaimPolicy ?? 'Delete',
    expandable: allowVolumeExpansion === true,
    isDefault: metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  };
}

export function keepService(object: KubernetesObject): Service {
  const { spec } = object as Raw;
  return {
    ...named(object),
    type: spec.type ?? 'ClusterIP',
    ports: (spec.ports ?? []).map(({ name = '', port }: Raw) => ({ name, port })),
    selector: spec.selector ?? null,
  };
}

export function keepEndpointSlice(object: KubernetesObject): EndpointSlice {
  const { metadata, ports, endpoints } = object as Raw;
  return {
    ...named(object),
    service: metadata.labels?.['kubernetes.io/service-name'] ?? null,
    ports: (ports ?? []).map(({ name = '', port }: Raw) => ({ name, port: port ?? 0 })),
    endpoints: (endpoints ?? []).map(({ conditions, targetRef }: Raw) => ({
      // Source: EndpointSlice v1, EndpointConditions: nil means ready.
      ready: conditions?.ready ?? true,
      pod: targetRef?.kind === 'Pod' ? targetRef.name : null,
    })),
  };
}

/** Source: Event v1 of events.k8s.io: old reporters fill the deprecated fields only. */
export function keepEvent(object: KubernetesObject): Event {
  const { metadata, regarding = {}, reason, note, series, eventTime } = object as Raw;
  const { deprecatedLastTimestamp, deprecatedCount } = object as Raw;
  return {
    ...named(object),
    regarding: {
      kind: regarding.kind ?? '',
      namespace: regarding.namespace ?? null,
      name: regarding.name ?? '',
      uid: regarding.uid ?? '',
    },
    reason: reason ?? '',
    note: note ?? '',
    count: series?.count ?? deprecatedCount ?? 1,
    at: series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? metadata.creationTimestamp,
  };
}

const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'] as const;

export function keepNode(object: KubernetesObject): Node {
  const conditions: Raw[] = object.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  return {
    ...named(object),
    labels: object.metadata.labels ?? {},
    ready: ready?.status === 'True',
    unready: ready?.status === 'True' ? null : `${ready?.reason ?? 'no status'}: ${ready?.message ?? ''}`,
    pressures: PRESSURES.filter((name) => conditions.some(({ type, status }) => type === name && status === 'True')),
    cordoned: object.spec?.unschedulable === true,
  };
}

export function keepIngress(object: KubernetesObject): Ingress {
  const rules: Raw[] = object.spec?.rules ?? [];
  const backends = [
    object.spec?.defaultBackend,
    ...rules.flatMap(({ http }) => http?.paths ?? []).map((each) => each.backend),
  ];
  return {
    ...named(object),
    hosts: rules.flatMap(({ host }) => host ?? []),
    services: [...new Set(backends.flatMap((each) => each?.service?.name ?? []))],
  };
}

export const keepNamespace = (object: KubernetesObject): Namespace => ({
  ...named(object),
  phase: object.status?.phase ?? 'Active',
  message:
    object.status?.conditions?.flatMap(({ status, message }: Raw) => (status === 'True' ? message : [])).join('; ') ||
    null,
  labels: object.metadata.labels ?? {},
});

export const keepDisruptionBudget = (object: KubernetesObject): DisruptionBudget => ({
  ...named(object),
  selector: object.spec?.selector?.matchLabels ?? {},
  expressions: (object.spec?.selector?.matchExpressions ?? []).length > 0,
});

export function keepCustom(object: KubernetesObject): Custom {
  const { managedFields: _, ...metadata } = object.metadata as Raw;
  return {
    ...named(object),
    kind: object.kind,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    generation: metadata.generation ?? 0,
    object: { ...object, metadata },
  };
}
