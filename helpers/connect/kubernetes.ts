import { z } from 'zod';
import type { Component, Diagnosis } from '../../reports/model.ts';
import { diagnoseKubernetes } from '../diagnose/kubernetes.ts';
import { describe } from '../diagnose/outcome.ts';
import { type Census, itemsOf } from '../kubernetes/census.ts';
import { COUNTED, type PlatformHealth, platformHealth } from '../kubernetes/health.ts';
import type { Kept, Kind } from '../kubernetes/kinds.ts';
import type { Knock, Service, Target } from '../service.ts';

const Name = z.string().min(1);
const Quantity = z.string().regex(/^\d+(\.\d+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$/, 'is no quantity of storage');

const Settings = z.object({
  namespaces: z
    .array(Name)
    .min(1)
    .optional()
    .describe('the namespaces that are looked at; left out: all of them, which takes the right to list in all'),
  workloads: z
    .record(Name, z.record(z.string().regex(/^[a-z]+\/[a-z0-9.-]+$/, 'is not kind/name'), z.int().min(1)))
    .optional()
    .describe('a map of namespace to kind/name, such as statefulset/kafka, to the pods that are promised of it'),
  services: z
    .record(Name, z.array(Name).min(1))
    .optional()
    .describe('a map of namespace to the Services that must have ready endpoints; left out: all that select pods'),
  volumes: z
    .record(Name, z.record(Name, Quantity))
    .optional()
    .describe('a map of namespace to claim to the least size of its volume, such as 50Gi'),
  storageClass: Name.optional().describe('the storage class that the claims are promised to be of'),
});

export interface KubernetesSettings {
  /** Null: all. */
  readonly namespaces: readonly string[] | null;
  readonly workloads: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Null: those that select pods. */
  readonly services: Readonly<Record<string, readonly string[]>> | null;
  readonly volumes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly storageClass: string | null;
}

export function settingsOf({ settings }: Component): KubernetesSettings {
  const { namespaces, workloads, services, volumes, storageClass } = Settings.parse(settings);
  return {
    namespaces: namespaces ?? null,
    workloads: workloads ?? {},
    services: services ?? null,
    volumes: volumes ?? {},
    storageClass: storageClass ?? null,
  };
}

/** The census of preflight, as the checks judge it. */
export interface KubernetesClient extends AsyncDisposable {
  readonly census: Census;
  readonly settings: KubernetesSettings;
  /** Objects of a kind in the component's namespaces. Throws what kept us from listing them. */
  items<K extends Kind>(kind: K): readonly Kept<K>[];
  /** Pods against what is wanted. Throws what kept us from counting. */
  health(): PlatformHealth;
}

export const service: Service<'kubernetes', KubernetesClient> = {
  type: 'kubernetes',
  title: 'Kubernetes',
  unit: 'nodes',
  weight: 7,
  endpoints: {},
  needs: [],
  door: 'kubernetes.reach.api',
  settings: Settings,
  census: (component) => ({
    kinds: [
      ...COUNTED,
      'namespaces',
      'nodes',
      'services',
      'endpointSlices',
      'claims',
      'volumes',
      'storageClasses',
      'warnings',
      'ingresses',
      'disruptionBudgets',
    ],
    namespaces: settingsOf(component).namespaces,
  }),
  knock,
  async open({ component, cluster }, signal) {
    if (!cluster) throw new TypeError('the checks of a cluster need the census of preflight');
    const census = await cluster.census(signal);
    const settings = settingsOf(component);
    let health: PlatformHealth | null = null;
    return {
      census,
      settings,
      items: (kind) => itemsOf(census, kind, settings.namespaces),
      health() {
        health ??= platformHealth(census, settings.namespaces, settings.workloads);
        return health;
      },
      async [Symbol.asyncDispose]() {},
    };
  },
  diagnose: (error, { component }) => diagnoseKubernetes(error, component.title),
  sweep: async () => [],
  present: async () => [],
};

async function knock({ component, cluster, route }: Target, signal: AbortSignal): Promise<Knock> {
  if (!cluster) throw new TypeError('preflight opens the cluster of every phase that has a component in it');
  const server = await cluster.server();
  const { host } = new URL(server);
  const endpoints = [{ logical: server, dialled: route.dial(host), path: route.path }];
  try {
    const census = await cluster.census(signal);
    const { version, clusterUid, readyz, tookMs } = census;
    const { nodes } = census.listings;
    const achieved = nodes?.state === 'listed' ? nodes.items.filter(({ ready }) => ready).length : null;
    const observed = { version, clusterUid, readyz, censusMs: tookMs };
    const whole = { endpoints, version: version.replace(/^v/, ''), achieved, observed };
    return {
      ...whole,
      state: 'open',
      diagnosis: readyz === null || readyz === 'ok' ? null : notReady(component, readyz),
    };
  } catch (error) {
    const diagnosis = diagnoseKubernetes(error, component.title) ?? unexplained(component, error);
    const ours = diagnosis.class === 'our-side' || diagnosis.class === 'authorization';
    const nothing = { endpoints, version: null, achieved: null, observed: {} };
    return { ...nothing, state: ours ? 'unobserved' : 'closed', diagnosis };
  }
}

/** Lines of /readyz that begin with [-] fail. Source: kubernetes.io, "Kubernetes API health endpoints". */
const notReady = ({ title }: Component, readyz: string): Diagnosis => ({
  class: 'crash',
  cause: `${title}: the API server is not ready: ${
    readyz
      .split('\n')
      .filter((line) => line.startsWith('[-]'))
      .join(', ') || readyz
  }`,
  remedy: 'read the log of kube-apiserver, and look whether etcd answers',
  evidence: readyz,
});

const unexplained = ({ title }: Component, error: unknown): Diagnosis => ({
  class: 'unexplained',
  cause: `${title} can not be looked at`,
  remedy: 'read the evidence, and ask the same by kubectl',
  evidence: describe(error),
});
