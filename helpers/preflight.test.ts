import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { evidenceOf, passed } from '../reports/evidence.fixture.ts';
import type { Diagnosis } from '../reports/model.ts';
import { BUDGETS } from './budgets.ts';
import { preflight, settle } from './preflight.ts';
import type { Knock, Service } from './service.ts';

const { phase } = evidenceOf([{ id: 'kafka', weight: 1, target: 3, checks: [['kafka.reach', 'reach', passed()]] }]);
const openDoor: Knock = {
  state: 'open',
  diagnosis: null,
  endpoints: [],
  version: '1',
  achieved: 3,
  observed: { answered: true },
};
const down: Diagnosis = { class: 'refused', cause: 'down', remedy: 'up', evidence: 'x' };

function options(knock: Service['knock'], missing: ReadonlyMap<string, string> = new Map()) {
  const service: Service = {
    type: 'kafka',
    title: 'Kafka',
    unit: 'pods',
    weight: 1,
    endpoints: {},
    needs: [],
    door: 'kafka.reach',
    settings: z.object({}),
    knock,
    open: () => Promise.reject(new Error('not opened here')),
    diagnose: () => null,
    sweep: async () => [],
    present: async () => [],
  };
  const signal = new AbortController().signal;
  return {
    phase,
    components: phase.components,
    secrets: new Map(),
    services: new Map([['kafka', service]]),
    missing,
    secret: (_: string) => undefined,
    signal,
  };
}

test('what the knock saw is the door', async () => {
  const { doors } = await preflight(options(async () => openDoor));
  expect(doors).toEqual([{ ...openDoor, component: 'kafka', check: 'kafka.reach', durationMs: expect.any(Number) }]);
});

test('a knock that throws the wire’s word closes the door, a mistake of ours leaves it unobserved', async () => {
  const refused = options(() => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' })));
  expect((await preflight(refused)).doors[0]).toMatchObject({ state: 'closed', diagnosis: { class: 'refused' } });
  const broken = options(() => Promise.reject(new TypeError('no')));
  expect((await preflight(broken)).doors[0]).toMatchObject({ state: 'unobserved', diagnosis: { class: 'our-side' } });
});

test('a service that this machine can not start is unobserved, with the remedy', async () => {
  const { doors } = await preflight(options(async () => openDoor, new Map([['kafka', 'install Java']])));
  expect(doors[0]).toMatchObject({ state: 'unobserved', diagnosis: { class: 'our-side', remedy: 'install Java' } });
});

test('settling ends when the platform is whole and stays so, and no later than its time', async () => {
  let looks = 0;
  const rising = options(async () => (++looks < 3 ? { ...openDoor, state: 'closed', diagnosis: down } : openDoor));
  const lines: string[] = [];
  const { doors } = await settle(rising, 60_000, (line) => lines.push(line));
  expect(doors[0]?.state).toBe('open');
  expect(lines).toEqual(['waiting for kafka (down)']);

  const never = options(async () => ({ ...openDoor, state: 'closed', diagnosis: down }));
  expect((await settle(never, 100, () => undefined)).doors[0]?.state).toBe('closed');
});

/** A cluster that serves the kinds it is asked for and holds none, and the options of a component that is said to be in it. */
async function inEmptyCluster(knock: Service['knock']) {
  const server = createServer(({ url = '' }, response) => {
    const answer =
      url === '/version'
        ? { gitVersion: 'v1.36.3' }
        : url === '/apis'
          ? { groups: [] }
          : url.startsWith('/api/v1/namespaces/kube-system')
            ? { metadata: { uid: 'uid' } }
            : { metadata: {}, items: [] };
    response.setHeader('content-type', url === '/readyz' ? 'text/plain' : 'application/json');
    response.end(url === '/readyz' ? 'ok' : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'preflight-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const { port } = server.address() as AddressInfo;
  const access = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'u', user: { token: 'canary' } }],
  };
  await writeFile(kubeconfig, JSON.stringify(access));
  const plain = options(knock);
  const workload = { namespace: 'data', service: null, selector: null };
  return {
    options: {
      ...plain,
      phase: { ...phase, cluster: { kubeconfig, context: null, uid: null } },
      components: plain.components.map((component) => ({ ...component, workload })),
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

test('a silent door without pods is told by that, and is not waited for to the end of its time', async () => {
  await using cluster = await inEmptyCluster(
    (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  const { doors, tookMs } = await preflight(cluster.options);
  expect(doors[0]).toMatchObject({
    state: 'closed',
    achieved: 0,
    diagnosis: { class: 'not-deployed' },
    workload: { pods: '0/3' },
  });
  expect(tookMs).toBeLessThan(BUDGETS.connect);
});

test('what the kubeconfig holds is told as secret, also where the census fails', async () => {
  await using cluster = await inEmptyCluster(async () => openDoor);
  const told: string[] = [];
  await preflight({
    ...cluster.options,
    secret: (text: string) => void told.push(text),
    signal: AbortSignal.abort(new Error('stopped')),
  });
  expect(told).toEqual(['canary']);
});

test('a door that opens stays open, whatever the cluster shows', async () => {
  await using cluster = await inEmptyCluster(async () => openDoor);
  expect((await preflight(cluster.options)).doors[0]).toMatchObject({ state: 'open', diagnosis: null });
});

test('a cluster that can not be looked at leaves the door what it is, and is told of', async () => {
  await using cluster = await inEmptyCluster(async () => ({ ...openDoor, state: 'closed', diagnosis: down }));
  const { phase: whole, ...rest } = cluster.options;
  const nowhere = { ...whole, cluster: { ...whole.cluster, context: 'another' } };
  const [door] = (await preflight({ ...rest, phase: nowhere })).doors;
  expect(door).toMatchObject({ state: 'closed', diagnosis: down });
  expect(door?.workload?.pods).toContain('not to be known: ');
});
