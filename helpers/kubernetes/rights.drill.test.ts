import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { merge } from '../../fixtures/platform/kubernetes/apply.ts';
import { NO_TEXT } from '../../fixtures/platform/service.ts';
import type { Report } from '../../reports/model.ts';
import { ROOT } from '../catalogue.ts';
import { type KubernetesApi, openApi } from './api.ts';
import { readAccess } from './kubeconfig.ts';
import '../cli/test.ts';

/** What is left of a gate when deploy/rbac.yaml is granted but for one rule. */

const local = inject('local');
const kubeconfig = local.env.KUBERNETES_ADMIN_KUBECONFIG ?? NO_TEXT;
const ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/assay';
const PHASE = 'fixtures/phases/kubernetes.yaml';
const { signal } = new AbortController();

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const PODS = [
  'kubernetes.events.warnings',
  'kubernetes.images.pinned',
  'kubernetes.images.pullable',
  'kubernetes.pdb-probes-limits',
  'kubernetes.pod-security',
  'kubernetes.pods.blocked-by-admission',
  'kubernetes.pods.ready',
  'kubernetes.pods.restarts',
  'kubernetes.pvc.bound',
  'kubernetes.spread',
  'kubernetes.svc.endpoints',
] as const;
/** What rests on the count of pods against what is wanted. */
const COUNT = ['kubernetes.events.warnings', 'kubernetes.pods.blocked-by-admission', 'kubernetes.pods.ready'] as const;
const SETS = [...COUNT, 'kubernetes.pdb-probes-limits', 'kubernetes.spread'] as const;

/** Resource to the checks that can't be made without listing it. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  namespaces: ['kubernetes.ns.exists', 'kubernetes.pod-security'],
  nodes: ['kubernetes.nodes.ready'],
  pods: PODS,
  services: ['kubernetes.svc.endpoints'],
  persistentvolumeclaims: ['kubernetes.events.warnings', 'kubernetes.pvc.bound', 'kubernetes.storageclass.local-path'],
  persistentvolumes: ['kubernetes.storageclass.local-path'],
  'deployments.apps': COUNT,
  'replicasets.apps': COUNT,
  'statefulsets.apps': SETS,
  'daemonsets.apps': COUNT,
  'jobs.batch': COUNT,
  'storageclasses.storage.k8s.io': ['kubernetes.pvc.bound', 'kubernetes.storageclass.local-path'],
  'endpointslices.discovery.k8s.io': ['kubernetes.svc.endpoints'],
  'events.events.k8s.io': [
    'kubernetes.events.warnings',
    'kubernetes.images.pullable',
    'kubernetes.pods.blocked-by-admission',
    'kubernetes.pods.ready',
    'kubernetes.pods.restarts',
    'kubernetes.pvc.bound',
  ],
  'ingresses.networking.k8s.io': ['kubernetes.svc.endpoints'],
  'poddisruptionbudgets.policy': ['kubernetes.pdb-probes-limits'],
  'strimzipodsets.core.strimzi.io': SETS,
  'rayclusters.ray.io': COUNT,
  'dorisclusters.doris.selectdb.com': COUNT,
};

describe.skipIf(kubeconfig === NO_TEXT)('a gate that may not', () => {
  let api: KubernetesApi;
  let rules: readonly Rule[];

  beforeAll(async () => {
    api = await openApi(await readAccess({ kubeconfig, context: null, uid: null }));
    rules = ((await api.ask('GET', ROLE, signal)) as { rules: readonly Rule[] }).rules;
  });
  afterAll(async () => {
    await merge(api, ROLE, { rules }, signal);
    await api[Symbol.asyncDispose]();
  });

  test.each(Object.entries(NEEDED))(
    'list %s leaves what needs it unobserved, and names it',
    async (resource, needed) => {
      await merge(api, ROLE, { rules: without(rules, resource) }, signal);
      const report = await gate();
      const checks = report.components.flatMap((component) => component.checks);
      const unobserved = checks.filter(({ status }) => status === 'unobserved');
      expect(unobserved.map(({ id }) => id).sort()).toEqual([...needed].sort());
      for (const { id, diagnosis } of unobserved)
        expect(diagnosis, id).toMatchObject({
          class: 'authorization',
          cause: expect.stringContaining(`list ${resource} `),
        });
      expect(checks.filter(({ status }) => status === 'passed')).toHaveLength(checks.length - needed.length);
      expect(report.score.value).toBeLessThan(100);
    },
  );
});

const without = (rules: readonly Rule[], resource: string): Rule[] =>
  rules
    .map((rule) => {
      const [group = ''] = rule.apiGroups;
      const qualified = (name: string): string => (group === '' ? name : `${name}.${group}`);
      return { ...rule, resources: rule.resources.filter((name) => qualified(name) !== resource) };
    })
    .filter(({ resources }) => resources.length > 0);

async function gate(): Promise<Report> {
  const out = mkdtempSync(join(tmpdir(), 'assay-rights-'));
  try {
    const args = ['helpers/cli/main.ts', 'gate', '--phase', PHASE, '--out', out];
    // A gate that does not pass ends with 1: the report says why.
    await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: local.env }).catch(() => undefined);
    return JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report;
  } finally {
    rmSync(out, { recursive: true });
  }
}
