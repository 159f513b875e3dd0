import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Component, Diagnosis, DoorRecord, Outcome, Path } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { direct } from '../route.ts';
import type { Service } from '../service.ts';
import type { Disruption } from './disruption.ts';
import { createRunner, type Runner, type Stage } from './runner.ts';
import type { Body, Check, CheckSpec } from './spec.ts';

const usual = { ...BUDGETS };
beforeAll(() => void Object.assign(BUDGETS, { stall: 100 }));
afterAll(() => void Object.assign(BUDGETS, usual));

interface Client extends AsyncDisposable {
  readonly name: string;
}

class Known extends Error {}

const never = new AbortController().signal;

const service = (over: Partial<Service<'thing', Client>> = {}): Service<'thing', Client> => ({
  type: 'thing',
  title: 'Thing',
  unit: 'pods',
  weight: 1,
  endpoints: {},
  needs: [],
  door: 'thing.door',
  settings: z.object({}),
  knock: () => Promise.reject(new Error('nobody knocks here')),
  open: async () => ({ name: 'client', [Symbol.asyncDispose]: async () => undefined }),
  diagnose: (error) => (error instanceof Known ? diagnosis('crash', error.message) : null),
  sweep: async () => [],
  present: async () => [],
  ...over,
});

const diagnosis = (cls: Diagnosis['class'], cause: string): Diagnosis => ({
  class: cls,
  cause,
  remedy: `mend ${cause}`,
  evidence: `saw ${cause}`,
});

const COMPONENT: Component = {
  id: 'one',
  type: 'thing',
  title: 'Thing',
  required: true,
  weight: 1,
  needs: [],
  owner: null,
  runbook: null,
  target: null,
  unit: 'pods',
  stance: 'real',
  endpoints: {},
  tls: null,
  credentials: null,
  settings: {},
};

const door = (over: Partial<DoorRecord> = {}): DoorRecord => ({
  component: 'one',
  check: 'thing.door',
  state: 'open',
  diagnosis: null,
  endpoints: [],
  version: null,
  achieved: null,
  observed: { answered: true },
  durationMs: 3,
  ...over,
});

const stage = (over: Partial<Stage> = {}, path: Path = 'loopback'): Stage => ({
  runId: 'run',
  startedAt: Date.now(),
  target: { component: COMPONENT, secrets: { password: null }, route: direct(path) },
  door: door(),
  neededDoors: [],
  readOnly: false,
  ledger: null,
  disruption: null,
  ...over,
});

type Declared = readonly [id: string, spec: Partial<CheckSpec>, body: Body<'thing', Client>];

function runnerOf(checks: readonly Declared[], on: Stage = stage(), of = service()): Runner {
  const map = new Map<string, Check<'thing', Client>>();
  for (const [id, spec, body] of checks)
    map.set(id, {
      id,
      spec: { level: 'serve', claim: id, otherwise: { class: 'data-wrong', remedy: 'look' }, ...spec },
      body,
    });
  return createRunner(of, map, on);
}

async function outcomeOf(body: Body<'thing', Client>, spec: Partial<CheckSpec> = {}, on?: Stage): Promise<Outcome> {
  return (await runnerOf([['thing.it', spec, body]], on).run('thing.it', never)).outcome;
}

const holds: Body<'thing', Client> = async () => ({ seen: 1 });

const classOf = (outcome: Outcome): string =>
  'diagnosis' in outcome ? `${outcome.status}: ${outcome.diagnosis.class}` : outcome.status;

describe('a body', () => {
  test('passes with what it observed on its way and in the end', async () => {
    const outcome = await outcomeOf(async ({ observe, thing }) => {
      observe({ client: thing.name });
      return { end: 2 };
    });
    expect(outcome).toEqual({ status: 'passed', observed: { client: 'client', end: 2 }, earned: 1_000 });
  });

  test('that observed nothing is no pass', async () => {
    expect(classOf(await outcomeOf(async () => ({})))).toBe('unobserved: our-side');
  });

  test('that breaks by itself is our fault', async () => {
    const outcome = await outcomeOf(async () => (undefined as unknown as { length: number }).length as never);
    expect(classOf(outcome)).toBe('unobserved: our-side');
  });

  test('whose assertion does not hold fails as the check says, with what it observed before', async () => {
    const outcome = await outcomeOf(async ({ observe, expect }) => {
      observe({ rows: 1 });
      expect(1, 'rows').toBe(2);
      return {};
    });
    expect(outcome).toMatchObject({
      status: 'failed',
      observed: { rows: 1 },
      diagnosis: { class: 'data-wrong', remedy: 'look', cause: expect.stringContaining('rows: expected 1 to be 2') },
    });
  });

  test('that fails by a finding says the rest as the check does', async () => {
    const outcome = await outcomeOf(async ({ fail }) => fail({ cause: 'half is gone', evidence: '1 of 2' }));
    expect(outcome).toMatchObject({
      status: 'failed',
      diagnosis: { class: 'data-wrong', remedy: 'look', cause: 'half is gone', evidence: '1 of 2' },
    });
  });

  test('whose finding is of our side or of our rights is unobserved', async () => {
    const found = (cls: Diagnosis['class']) => outcomeOf(async ({ fail }) => fail(diagnosis(cls, 'it')));
    expect(classOf(await found('our-side'))).toBe('unobserved: our-side');
    expect(classOf(await found('authorization'))).toBe('unobserved: authorization');
    expect(classOf(await found('authentication'))).toBe('failed: authentication');
  });

  test('that throws what the service knows fails by the diagnosis of the service', async () => {
    const outcome = await outcomeOf(() => Promise.reject(new Known('out of memory')));
    expect(outcome).toMatchObject({ status: 'failed', diagnosis: { class: 'crash', cause: 'out of memory' } });
  });

  test('that throws what nobody knows fails unexplained', async () => {
    expect(classOf(await outcomeOf(() => Promise.reject(new Error('odd'))))).toBe('failed: unexplained');
  });

  test('whose client can not be opened fails as if it had thrown', async () => {
    const closed = service({ open: () => Promise.reject(new Known('no login')) });
    const { outcome } = await runnerOf([['thing.it', {}, holds]], stage(), closed).run('thing.it', never);
    expect(classOf(outcome)).toBe('failed: crash');
  });

  test('that does not apply is skipped by what it observed', async () => {
    expect(await outcomeOf(async ({ skip }) => skip('edition', 'community'))).toEqual({
      status: 'skipped',
      predicate: { name: 'edition', value: 'community' },
    });
  });

  test('that asks for scratch without declaring writes is our fault', async () => {
    const outcome = await outcomeOf(async ({ scratch }) => ({ name: scratch.name('topic', 'x') }));
    expect(classOf(outcome)).toBe('unobserved: our-side');
  });
});

describe('time', () => {
  test('a deadline is the slowness of the service, and aborts the body', async () => {
    let reason: unknown;
    const outcome = await outcomeOf(
      ({ signal }) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
        });
        return new Promise(() => undefined);
      },
      { deadlineMs: 20 },
    );
    expect(classOf(outcome)).toBe('failed: slow');
    expect(String(reason)).toContain('no result within 20 ms');
  });

  test('a deadline that passed while our own process stood still is ours', async () => {
    const outcome = await outcomeOf(
      async () => {
        await delay(1);
        const until = performance.now() + 300;
        while (performance.now() < until);
        return new Promise(() => undefined);
      },
      { deadlineMs: 20 },
    );
    expect(classOf(outcome)).toBe('unobserved: our-side');
  });

  test('a cancelled run leaves what is in flight unobserved', async () => {
    const cancel = new AbortController();
    const running = runnerOf([['thing.it', {}, () => new Promise(() => undefined)]]).run('thing.it', cancel.signal);
    setTimeout(() => cancel.abort(), 10);
    expect(classOf((await running).outcome)).toBe('unobserved: our-side');
  });

  test('in a run that was cancelled before, a body finds its signal aborted', async () => {
    let began = false;
    const { outcome } = await runnerOf([
      [
        'thing.it',
        {},
        async ({ signal }) => {
          began = !signal.aborted;
          return { seen: 1 };
        },
      ],
    ]).run('thing.it', AbortSignal.abort());
    expect(classOf(outcome)).toBe('unobserved: our-side');
    expect(began).toBe(false);
  });

  test('a second attempt that holds is a pass, and its record says two', async () => {
    let tries = 0;
    const record = await runnerOf([
      [
        'thing.it',
        { attempts: 3 },
        async ({ expect }) => {
          tries++;
          expect(tries).toBe(2);
          return { tries };
        },
      ],
    ]).run('thing.it', never);
    expect(record).toMatchObject({ attempts: 2, outcome: { status: 'passed', observed: { tries: 2 } } });
  });

  test('attempts end with their number, and with the deadline of the check', async () => {
    const failing = (spec: Partial<CheckSpec>) =>
      runnerOf([
        [
          'thing.it',
          spec,
          async ({ fail }) => {
            await delay(15);
            return fail({ cause: 'no', evidence: 'no' });
          },
        ],
      ]).run('thing.it', never);
    expect(await failing({ attempts: 2 })).toMatchObject({ attempts: 2, outcome: { status: 'failed' } });
    expect((await failing({ attempts: 100, deadlineMs: 40 })).attempts).toBeLessThan(10);
  });
});

describe('needs', () => {
  const failing: Body<'thing', Client> = async ({ fail }) => fail({ cause: 'no', evidence: 'no' });
  const below = async (body: Body<'thing', Client>): Promise<Outcome> => {
    const runner = runnerOf([
      ['thing.a', {}, body],
      ['thing.b', { needs: ['thing.a'] }, holds],
      ['thing.c', { needs: ['thing.b'] }, holds],
    ]);
    return (await runner.run('thing.c', never)).outcome;
  };

  test('run first, once, whoever asks', async () => {
    const order: string[] = [];
    const noting =
      (id: string): Body<'thing', Client> =>
      async () => {
        order.push(id);
        return { id };
      };
    const runner = runnerOf([
      ['thing.a', {}, noting('a')],
      ['thing.b', { needs: ['thing.a'] }, noting('b')],
      ['thing.c', { needs: ['thing.a', 'thing.b'] }, noting('c')],
    ]);
    const [first, again] = await Promise.all([runner.run('thing.c', never), runner.run('thing.c', never)]);
    await runner.run('thing.a', never);
    expect(order).toEqual(['a', 'b', 'c']);
    expect(again).toBe(first);
    expect((await runner.records('thing.c')).map(({ check }) => check)).toEqual(['thing.c', 'thing.a', 'thing.b']);
  });

  test('that failed block, by the one that is next', async () => {
    expect(await below(failing)).toEqual({ status: 'blocked', by: { component: 'one', check: 'thing.b' } });
  });

  test('that are unobserved or skipped hand that down', async () => {
    expect(classOf(await below(async ({ fail }) => fail({ ...diagnosis('our-side', 'no rights') })))).toBe(
      'unobserved: our-side',
    );
    expect(await below(async ({ skip }) => skip('brokers', 1))).toEqual({
      status: 'skipped',
      predicate: { name: 'brokers', value: 1 },
    });
  });

  test('that are not declared above are an error of the suite', async () => {
    const runner = runnerOf([['thing.b', { needs: ['thing.a'] }, holds]]);
    await expect(runner.run('thing.b', never)).rejects.toThrow('thing.a is not declared above');
  });
});

describe('doors', () => {
  const shut = door({ state: 'closed', diagnosis: diagnosis('refused', 'nobody listens') });
  const other = door({ ...shut, component: 'two', check: 'other.door' });
  const unseen = door({ state: 'unobserved', diagnosis: diagnosis('our-side', 'no network') });
  const checks: readonly Declared[] = [
    ['thing.door', { level: 'reach' }, holds],
    ['thing.it', {}, holds],
  ];
  const both = async (on: Partial<Stage>): Promise<Outcome[]> => {
    const runner = runnerOf(checks, stage(on));
    return [(await runner.run('thing.door', never)).outcome, (await runner.run('thing.it', never)).outcome];
  };

  test('an open one is the outcome of its check', async () => {
    expect(await both({})).toMatchObject([{ status: 'passed', observed: { answered: true } }, { status: 'passed' }]);
  });

  test('a closed one fails its check and blocks the rest', async () => {
    expect(await both({ door: shut })).toMatchObject([
      { status: 'failed', diagnosis: { class: 'refused' } },
      { status: 'blocked', by: { component: 'one', check: 'thing.door' } },
    ]);
  });

  test('one that we could not knock at leaves all unobserved', async () => {
    expect((await both({ door: unseen })).map(classOf)).toEqual(['unobserved: our-side', 'unobserved: our-side']);
  });

  test('that of a component which is needed blocks all, but the own door where that is open', async () => {
    const by = { component: 'two', check: 'other.door' };
    expect(await both({ neededDoors: [other] })).toMatchObject([{ status: 'passed' }, { status: 'blocked', by }]);
    expect(await both({ neededDoors: [other], door: shut })).toMatchObject([
      { status: 'blocked', by },
      { status: 'blocked', by },
    ]);
  });
});

describe('what this run may not do', () => {
  test('a check that writes is unobserved in a read-only run, one that reads is not', async () => {
    const readOnly = stage({ readOnly: true });
    expect(classOf(await outcomeOf(holds, { writes: ['topic'] }, readOnly))).toBe('unobserved: our-side');
    expect(classOf(await outcomeOf(holds, {}, readOnly))).toBe('passed');
  });

  test('a disruptive check needs a way to disrupt', async () => {
    const paused: string[] = [];
    const disruption: Disruption = {
      async pause(name) {
        paused.push(name);
        return { [Symbol.asyncDispose]: async () => void paused.push(`${name} goes on`) };
      },
      restart: () => Promise.reject(new Error('not asked for')),
    };
    const body: Body<'thing', Client> = async ({ disruption }) => {
      await using _stopped = await disruption.pause('thing-1');
      return { stopped: 1 };
    };
    expect(classOf(await outcomeOf(body, { disruptive: true }))).toBe('unobserved: our-side');
    expect(classOf(await outcomeOf(body, { disruptive: true }, stage({ disruption })))).toBe('passed');
    expect(paused).toEqual(['thing-1', 'thing-1 goes on']);
    expect(classOf(await outcomeOf(body, {}, stage({ disruption })))).toBe('unobserved: our-side');
    expect(paused.length).toBe(2);
  });
});

describe('a performance check', () => {
  const bounds = { target: 10, limit: 20 };
  const measuring =
    (samples: readonly number[]): Body<'thing', Client> =>
    async ({ grade }) => ({ p50: grade(samples, 0.5, bounds) });
  const performance = { level: 'performance' } as const;
  const times = (ms: number): number[] => Array.from({ length: 30 }, () => ms);

  test.each([
    [10, 1_000],
    [15, 750],
    [20, 500],
  ])('that measures %d earns %d thousandths', async (ms, earned) => {
    expect(await outcomeOf(measuring(times(ms)), performance)).toEqual({
      status: 'passed',
      observed: { p50: ms },
      earned,
    });
  });

  test('that measures over the limit fails as slow, with the remedy of the check', async () => {
    expect(await outcomeOf(measuring(times(20.5)), performance)).toMatchObject({
      status: 'failed',
      diagnosis: { class: 'slow', cause: 'p50 is 20.5, over the limit of 20', remedy: 'look' },
    });
  });

  test('that took too few samples, or measured nothing, is unobserved', async () => {
    expect(classOf(await outcomeOf(measuring([1, 2]), performance))).toBe('unobserved: our-side');
    expect(classOf(await outcomeOf(holds, performance))).toBe('unobserved: our-side');
    expect(classOf(await outcomeOf(measuring(times(1)), { level: 'serve' }))).toBe('unobserved: our-side');
  });

  test.each<[Path, string]>([
    ['in-cluster', 'passed'],
    ['loopback', 'passed'],
    ['direct', 'unobserved: our-side'],
    ['port-forward', 'unobserved: our-side'],
    ['ingress', 'unobserved: our-side'],
  ])('by the path %s is %s', async (path, expected) => {
    expect(classOf(await outcomeOf(measuring(times(1)), performance, stage({}, path)))).toBe(expected);
  });

  test('runs alone', async () => {
    let running = 0;
    let most = 0;
    const body: Body<'thing', Client> = async ({ grade }) => {
      most = Math.max(most, ++running);
      await delay(5);
      running--;
      return { p50: grade(times(1), 0.5, bounds) };
    };
    const runner = runnerOf(['a', 'b', 'c'].map((id): Declared => [`thing.${id}`, performance, body]));
    await Promise.all(['a', 'b', 'c'].map((id) => runner.run(`thing.${id}`, never)));
    expect(most).toBe(1);
  });
});

test('disposing closes the client that was opened, and only then', async () => {
  let closed = 0;
  const counting = service({
    open: async () => ({ name: 'client', [Symbol.asyncDispose]: async () => void closed++ }),
  });
  const idle = runnerOf([['thing.it', {}, holds]], stage(), counting);
  await idle[Symbol.asyncDispose]();
  expect(closed).toBe(0);
  const used = runnerOf([['thing.it', {}, holds]], stage(), counting);
  await used.run('thing.it', never);
  await used[Symbol.asyncDispose]();
  expect(closed).toBe(1);
});
