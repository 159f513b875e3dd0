import { expect, test } from 'vitest';
import { z } from 'zod';
import { evidenceOf, passed } from '../reports/evidence.fixture.ts';
import type { Diagnosis } from '../reports/model.ts';
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
