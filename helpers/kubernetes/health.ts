import { type Census, itemsOf } from './census.ts';
import type { Kind } from './kinds.ts';
import type { Job, OwnerRef, Pod, Workload } from './objects.ts';

/** What counting the pods takes. */
export const COUNTED = [
  'pods',
  'deployments',
  'replicaSets',
  'statefulSets',
  'daemonSets',
  'jobs',
  'strimziPodSets',
  'rayClusters',
  'dorisClusters',
] as const satisfies readonly Kind[];

/** What asks for pods and is asked for by nothing that we know. */
export interface WorkloadHealth {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly desired: number;
  readonly ready: number;
  /** Those that live. */
  readonly pods: readonly Pod[];
  /** Pods of it that are not ready, those that are going apart. */
  readonly unready: readonly Pod[];
  /** Pods that it asks for and that do not exist: refused, or not made yet. */
  readonly missing: number;
  readonly terminating: number;
  /** Its controller has not seen yet what it asks for now. */
  readonly unobserved: boolean;
  /** The phase file promises it, and it is not there. */
  readonly absent: boolean;
  /** Why it failed for good: a Job. */
  readonly failed: string | null;
  /** uids of it and of all below it that make its pods: events name those. */
  readonly makers: readonly string[];
  /** What a controller says of the pods that it can not make. */
  readonly refusal: string | null;
}

export interface PlatformHealth {
  readonly ready: number;
  readonly desired: number;
  /** Pods that have done their work, neither wanted nor ready. */
  readonly completed: number;
  readonly terminating: number;
  /** Failed pods that their controller has replaced: evictions, retries of a Job. */
  readonly leftovers: readonly Pod[];
  /** What one would count from `kubectl get pods`: those that are Running, of those that exist. */
  readonly naive: { readonly ready: number; readonly desired: number };
  readonly workloads: readonly WorkloadHealth[];
}

/** Namespace to `kind/name`, as kubectl writes it, to the pods that the phase promises of it. */
export type Promised = Readonly<Record<string, Readonly<Record<string, number>>>>;

interface Root {
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  desired: number;
  readonly workload: Workload | null;
  readonly job: Job | null;
  readonly pods: Pod[];
  readonly makers: string[];
  readonly refusals: string[];
}

/**
 * Counts against what is wanted, not against what exists: a pod that was refused is missing, a Job that is done wants nothing. Linear in the
 * objects. Throws a Finding where a kind could not be listed that has a part in it.
 */
export function platformHealth(
  census: Census,
  namespaces: readonly string[] | null,
  promised: Promised,
): PlatformHealth {
  const pods = itemsOf(census, 'pods', namespaces);
  const roots = rootsOf(census, namespaces);
  const strays = new Map<string, Root>();
  for (const pod of pods) {
    const root = pod.owner && roots.byUid.get(roots.top(pod.owner).uid);
    (root ?? stray(strays, pod)).pods.push(pod);
  }
  let completed = 0;
  const leftovers: Pod[] = [];
  const workloads: WorkloadHealth[] = [];
  for (const root of [...roots.byUid.values(), ...strays.values()]) {
    const counted = countRoot(root, promised);
    completed += counted.completed;
    leftovers.push(...counted.leftovers);
    if (counted.health !== null) workloads.push(counted.health);
  }
  workloads.push(...absentees(workloads, namespaces, promised));
  workloads.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const sum = (of: (each: WorkloadHealth) => number): number => workloads.reduce((total, each) => total + of(each), 0);
  return {
    ready: sum(({ ready }) => ready),
    desired: sum(({ desired }) => desired),
    completed,
    terminating: sum(({ terminating }) => terminating),
    leftovers,
    naive: { ready: pods.filter(({ phase }) => phase === 'Running').length, desired: pods.length },
    workloads,
  };
}

const keyOf = ({ namespace, kind, name }: Pick<WorkloadHealth, 'namespace' | 'kind' | 'name'>): string =>
  `${namespace}/${kind.toLowerCase()}/${name}`;

function rootsOf(
  census: Census,
  namespaces: readonly string[] | null,
): { byUid: ReadonlyMap<string, Root>; top(owner: OwnerRef): OwnerRef } {
  const listed: readonly Workload[] = [
    ...itemsOf(census, 'deployments', namespaces),
    ...itemsOf(census, 'replicaSets', namespaces),
    ...itemsOf(census, 'statefulSets', namespaces),
    ...itemsOf(census, 'daemonSets', namespaces),
    ...itemsOf(census, 'strimziPodSets', namespaces),
    ...itemsOf(census, 'rayClusters', namespaces),
    ...itemsOf(census, 'dorisClusters', namespaces),
  ];
  const jobs = itemsOf(census, 'jobs', namespaces);
  const owners = new Map<string, OwnerRef | null>([...listed, ...jobs].map(({ uid, owner }) => [uid, owner]));
  /** As far up as what we have listed reaches: what lies above makes no pods that we know how to count. */
  const top = (owner: OwnerRef): OwnerRef => {
    let here = owner;
    for (let above = owners.get(here.uid); above && owners.has(above.uid); above = owners.get(here.uid)) here = above;
    return here;
  };
  const byUid = new Map<string, Root>();
  const rootOf = (workload: Workload | null, job: Job | null, { namespace, name, uid }: Workload | Job): Root => {
    const root: Root = {
      namespace: namespace ?? '',
      kind: workload?.kind ?? 'Job',
      name,
      desired: workload?.desired ?? 0,
      workload,
      job,
      pods: [],
      makers: [],
      refusals: [],
    };
    byUid.set(uid, root);
    return root;
  };
  const isRoot = ({ owner }: Workload | Job): boolean => owner === null || !owners.has(owner.uid);
  for (const workload of listed) if (isRoot(workload)) rootOf(workload, null, workload);
  for (const job of jobs) if (isRoot(job)) rootOf(null, job, job);
  for (const each of [...listed, ...jobs]) {
    const root = byUid.get(top({ kind: '', name: each.name, uid: each.uid }).uid);
    root?.makers.push(each.uid);
    if ('failure' in each && each.failure !== null) root?.refusals.push(each.failure);
  }
  return { byUid, top };
}

/** Pods of nothing that we count: each asks for itself. Those of one owner, such as a node's static ones, stand together. */
function stray(strays: Map<string, Root>, { namespace, owner, name, uid }: Pod): Root {
  const key = owner?.uid ?? uid;
  const before = strays.get(key);
  if (before) return before;
  const root: Root = {
    namespace: namespace ?? '',
    kind: owner?.kind ?? 'Pod',
    name: owner?.name ?? name,
    desired: 0,
    workload: null,
    job: null,
    pods: [],
    makers: owner ? [owner.uid] : [],
    refusals: [],
  };
  strays.set(key, root);
  return root;
}

const isLive = ({ deletedAt, phase }: Pod): boolean =>
  deletedAt === null && phase !== 'Succeeded' && phase !== 'Failed';

function countRoot(
  root: Root,
  promised: Promised,
): { completed: number; leftovers: readonly Pod[]; health: WorkloadHealth | null } {
  const { job, workload, pods } = root;
  if (job && (job.complete || job.suspended)) return { completed: pods.length, leftovers: [], health: null };
  const live = pods.filter(isLive);
  const completed = pods.filter(({ phase }) => phase === 'Succeeded').length;
  const failed = pods.filter(({ phase, deletedAt }) => phase === 'Failed' && deletedAt === null);
  const ready = live.filter((pod) => pod.phase === 'Running' && pod.ready);
  const wanted = wantedOf(root, live, failed);
  const desired = Math.max(wanted, promised[root.namespace]?.[`${root.kind.toLowerCase()}/${root.name}`] ?? 0);
  // A bare pod that failed is no leftover: nothing has replaced it.
  const replaced = job !== null || workload !== null;
  const leftovers = replaced && job?.failed == null ? failed : [];
  if (desired === 0) return { completed, leftovers, health: null };
  const counted = Math.min(ready.length, desired);
  const unready = [...live.filter((pod) => !ready.includes(pod)), ...(replaced ? [] : failed)];
  return {
    completed,
    leftovers,
    health: {
      namespace: root.namespace,
      kind: root.kind,
      name: root.name,
      desired,
      ready: job?.failed ? 0 : counted,
      pods: live,
      unready,
      missing: Math.max(0, desired - ready.length - unready.length),
      terminating: pods.filter(({ deletedAt }) => deletedAt !== null).length,
      unobserved: workload !== null && !workload.observed,
      absent: false,
      failed: job?.failed ? `${job.failed.reason}: ${job.failed.message}` : null,
      makers: root.makers,
      refusal: root.refusals[0] ?? null,
    },
  };
}

function wantedOf({ job, workload, desired }: Root, live: readonly Pod[], failed: readonly Pod[]): number {
  if (workload) return desired;
  // A Job that is neither done nor given up wants at least one pod.
  if (job) return Math.max(1, live.length);
  return live.length + failed.length;
}

/** What the phase promises and nobody has created. */
function absentees(
  there: readonly WorkloadHealth[],
  namespaces: readonly string[] | null,
  promised: Promised,
): WorkloadHealth[] {
  const known = new Set(there.map(keyOf));
  return Object.entries(promised)
    .filter(([namespace]) => namespaces === null || namespaces.includes(namespace))
    .flatMap(([namespace, workloads]) =>
      Object.entries(workloads)
        .filter(([key]) => !known.has(`${namespace}/${key}`))
        .map(([key, desired]) => {
          const [kind = '', name = ''] = key.split('/');
          const nothing = { ready: 0, pods: [], unready: [], terminating: 0, unobserved: false, failed: null };
          return {
            namespace,
            kind,
            name,
            desired,
            ...nothing,
            missing: desired,
            absent: true,
            makers: [],
            refusal: null,
          };
        }),
    );
}
