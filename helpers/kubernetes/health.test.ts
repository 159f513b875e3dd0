import { describe, expect, test } from 'vitest';
import type { Census, Listing } from './census.ts';
import { COUNTED, platformHealth } from './health.ts';
import type { Job, OwnerRef, Pod, Workload } from './objects.ts';
import { aPod } from './pod.fixture.ts';

/* How pods are counted against what is wanted: each case a cluster of a few objects, written as a table. */

const uid = (kind: string, name: string): string => `${kind}/${name}`;
const owner = (kind: string, name: string): OwnerRef => ({ kind, name, uid: uid(kind, name) });
const named = (kind: string, name: string) => ({
  namespace: 'ns',
  name,
  uid: uid(kind, name),
  createdAt: '2026-01-01T00:00:00Z',
});

const pod = (name: string, over: Partial<Pod> = {}): Pod => aPod({ ...named('Pod', name), ...over });

const workload = (kind: string, name: string, desired: number, over: Partial<Workload> = {}): Workload => ({
  ...named(kind, name),
  kind,
  owner: null,
  desired,
  observed: true,
  failure: null,
  ...over,
});

const job = (name: string, over: Partial<Job> = {}): Job => ({
  ...named('Job', name),
  owner: null,
  complete: false,
  suspended: false,
  failed: null,
  hook: false,
  ...over,
});

type Objects = { readonly [K in (typeof COUNTED)[number]]?: readonly unknown[] };

function census(objects: Objects, over: Census['listings'] = {}): Census {
  const listed = COUNTED.map((kind) => [kind, { state: 'listed', items: objects[kind] ?? [] } as Listing<unknown>]);
  const listings = { ...Object.fromEntries(listed), ...over } as Census['listings'];
  return { takenAt: 0, tookMs: 0, version: 'v1', clusterUid: null, readyz: 'ok', listings };
}

const count = (objects: Objects, promised = {}) => {
  const { ready, desired, completed, terminating, leftovers, naive } = platformHealth(census(objects), null, promised);
  const names = leftovers.map(({ name }) => name);
  return { ready, desired, completed, terminating, leftovers: names, naive: `${naive.ready}/${naive.desired}` };
};

const deployment = [workload('Deployment', 'web', 2)];
const replicaSets = [
  workload('ReplicaSet', 'new', 2, { owner: owner('Deployment', 'web') }),
  workload('ReplicaSet', 'old', 1, { owner: owner('Deployment', 'web') }),
];
const ofNew = { owner: owner('ReplicaSet', 'new') };
const ofOld = { owner: owner('ReplicaSet', 'old') };
const none = { completed: 0, terminating: 0, leftovers: [] };

test.each<[string, Objects, object]>([
  [
    'a Deployment whose pods are ready',
    { deployments: deployment, replicaSets, pods: [pod('a', ofNew), pod('b', ofNew)] },
    { ...none, ready: 2, desired: 2, naive: '2/2' },
  ],
  [
    'Running is not ready',
    { deployments: deployment, replicaSets, pods: [pod('a', ofNew), pod('b', { ...ofNew, ready: false })] },
    { ...none, ready: 1, desired: 2, naive: '2/2' },
  ],
  [
    'a pod that was refused is missing, where a naive count sees all of what exists',
    { deployments: deployment, replicaSets, pods: [pod('a', ofNew)] },
    { ...none, ready: 1, desired: 2, naive: '1/1' },
  ],
  [
    'a rollout has more pods than are wanted, and is not more than whole',
    { deployments: deployment, replicaSets, pods: [pod('a', ofNew), pod('b', ofNew), pod('c', ofOld)] },
    { ...none, ready: 2, desired: 2, naive: '3/3' },
  ],
  [
    'a pod that is going is neither ready nor wanted',
    {
      deployments: deployment,
      replicaSets,
      pods: [pod('a', ofNew), pod('b', ofNew), pod('c', { ...ofOld, deletedAt: '2026-01-01T00:00:30Z' })],
    },
    { ...none, ready: 2, desired: 2, terminating: 1, naive: '3/3' },
  ],
  [
    'an evicted pod that was replaced is a leftover',
    {
      deployments: deployment,
      replicaSets,
      pods: [
        pod('a', ofNew),
        pod('b', ofNew),
        pod('c', { ...ofNew, phase: 'Failed', reason: 'Evicted', ready: false }),
      ],
    },
    { ...none, ready: 2, desired: 2, leftovers: ['c'], naive: '2/3' },
  ],
  [
    'a Job that is complete wants nothing, its failed tries neither',
    {
      jobs: [job('done', { complete: true })],
      pods: [
        pod('try', { owner: owner('Job', 'done'), phase: 'Failed', ready: false }),
        pod('done', { owner: owner('Job', 'done'), phase: 'Succeeded', ready: false }),
      ],
    },
    { ...none, ready: 0, desired: 0, completed: 2, naive: '0/2' },
  ],
  [
    'a Job that gave up is one that is not ready',
    {
      jobs: [job('given-up', { failed: { reason: 'BackoffLimitExceeded', message: '' } })],
      pods: [pod('try', { owner: owner('Job', 'given-up'), phase: 'Failed', ready: false })],
    },
    { ...none, ready: 0, desired: 1, naive: '0/1' },
  ],
  ['a Job whose pod was refused', { jobs: [job('refused')] }, { ...none, ready: 0, desired: 1, naive: '0/0' }],
  [
    'a suspended Job wants nothing',
    { jobs: [job('later', { suspended: true })] },
    { ...none, ready: 0, desired: 0, naive: '0/0' },
  ],
  [
    'bare pods ask for themselves, but for those that are done or going',
    {
      pods: [
        pod('a'),
        pod('failed', { phase: 'Failed', ready: false }),
        pod('done', { phase: 'Succeeded', ready: false }),
        pod('going', { deletedAt: '2026-01-01T00:00:30Z' }),
      ],
    },
    { ...none, ready: 1, desired: 2, completed: 1, naive: '2/4' },
  ],
  [
    "an operator's object is counted, and the set that it makes is not counted again",
    {
      dorisClusters: [workload('DorisCluster', 'doris', 4)],
      statefulSets: [workload('StatefulSet', 'fe', 1, { owner: owner('DorisCluster', 'doris') })],
      pods: [pod('fe-0', { owner: owner('StatefulSet', 'fe') })],
    },
    { ...none, ready: 1, desired: 4, naive: '1/1' },
  ],
  [
    'a set of an operator that we do not know stands for itself',
    {
      statefulSets: [workload('StatefulSet', 'es', 3, { owner: owner('Elasticsearch', 'es') })],
      pods: [pod('es-0', { owner: owner('StatefulSet', 'es') })],
    },
    { ...none, ready: 1, desired: 3, naive: '1/1' },
  ],
  [
    'static pods of a node are wanted as they are',
    { pods: [pod('proxy-1', { owner: owner('Node', 'node-1') }), pod('proxy-2', { owner: owner('Node', 'node-1') })] },
    { ...none, ready: 2, desired: 2, naive: '2/2' },
  ],
])('%s', (_, objects, expected) => {
  expect(count(objects)).toEqual(expected);
});

describe('what the phase promises', () => {
  test('and nobody created is missing, never 0 of 0', () => {
    expect(count({}, { ns: { 'statefulset/kafka': 3 } })).toMatchObject({ ready: 0, desired: 3 });
  });

  test('and was scaled down counts as promised', () => {
    const objects = { statefulSets: [workload('StatefulSet', 'kafka', 0)] };
    expect(count(objects, { ns: { 'statefulset/kafka': 3 } })).toMatchObject({ ready: 0, desired: 3 });
  });
});

test('a kind that may not be listed leaves the count unknown', () => {
  const diagnosis = { class: 'authorization', cause: 'we may not list jobs', remedy: '', evidence: '' } as const;
  const blind = census({}, { jobs: { state: 'unreadable', diagnosis } });
  expect(() => platformHealth(blind, null, {})).toThrow('we may not list jobs');
});

test('a kind that the cluster does not serve has no objects', () => {
  const without = census({}, { rayClusters: { state: 'absent', resource: 'rayclusters.ray.io' } });
  expect(platformHealth(without, null, {}).desired).toBe(0);
});
