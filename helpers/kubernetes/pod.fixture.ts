import type { Pod } from './objects.ts';

/** A pod for tests, as it should be where they do not say otherwise. */
export const aPod = (over: Partial<Pod> = {}): Pod => ({
  namespace: 'data',
  name: 'kafka-0',
  uid: 'uid',
  createdAt: '2026-01-01T00:00:00Z',
  labels: {},
  owner: null,
  node: 'node-1',
  phase: 'Running',
  reason: null,
  message: null,
  deletedAt: null,
  graceSeconds: 30,
  ready: true,
  readySince: '2026-01-01T00:00:00Z',
  unschedulable: null,
  containers: [],
  claims: [],
  hostPaths: [],
  hook: false,
  ...over,
});
