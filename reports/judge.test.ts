import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  blocked,
  evidenceOf,
  failed,
  notSelected,
  passed,
  skipped,
  type TableComponent,
  unobserved,
  waiver,
  workedExample,
} from './evidence.fixture.ts';
import { judge } from './judge.ts';
import { LEVELS, type Outcome } from './model.ts';

const healthy = (id = 'kafka', weight = 10): TableComponent => ({
  id,
  weight,
  target: 3,
  checks: [
    [`${id}.reach`, 'reach', passed()],
    [`${id}.serve`, 'serve', passed()],
    [`${id}.trip`, 'round-trip', passed()],
  ],
});

const withChecks = (id: string, ...checks: TableComponent['checks']): TableComponent => ({ ...healthy(id), checks });

describe('the worked example', () => {
  const report = judge(workedExample());

  test('scores as computed by hand', () => {
    expect(report.score).toEqual({ value: 45, quality: 61.9, coverage: 72.7, attainable: 91, atBest: 72.3 });
    expect(report.verdict).toBe('fail');
  });

  test('names the topic that can not be created first, with all that it holds', () => {
    expect(report.fixFirst[0]).toMatchObject({
      component: 'kafka',
      rootCause: 'fewer brokers than replicas',
      pointsAtStake: 25.8,
      scoreIfMended: 70.8,
      blocks: ['kafka/kafka.round-trip', 'kafka/kafka.order', 'kafka/kafka.txn', 'kafka/kafka.p99'],
    });
  });

  test('accounts for every lost point', () => {
    const lost = report.ledger.reduce((sum, { points }) => sum + points, 0);
    expect(lost).toBeCloseTo(100 - 45.0436, 4);
  });
});

describe('roles that are counted apart', () => {
  const whole = evidenceOf([{ ...healthy('doris'), target: 4 }]);
  const [component] = whole.phase.components;
  const [door] = whole.doors;
  if (!component || !door) throw new Error('the evidence has one component');
  const phase = { ...whole.phase, components: [{ ...component, roles: { fe: 1, be: 3 } }] };

  test('stand beside their sum, promised and seen', () => {
    const report = judge({ ...whole, phase, doors: [{ ...door, achieved: 3, roles: { fe: 2, be: 2 } }] });
    expect(report.components[0]).toMatchObject({
      status: 'Failed',
      target: 4,
      achieved: 3,
      roles: { fe: { target: 1, achieved: 2 }, be: { target: 3, achieved: 2 } },
    });
  });

  test('are unknown where nobody could look, and left out where the type has none', () => {
    const unseen = judge({ ...whole, phase, doors: [{ ...door, achieved: null }] });
    expect(unseen.components[0]?.roles).toEqual({
      fe: { target: 1, achieved: null },
      be: { target: 3, achieved: null },
    });
    expect(judge(whole).components[0]).not.toHaveProperty('roles');
  });
});

describe('the ledger', () => {
  const outcome = fc.constantFrom<Outcome | null>(
    passed(),
    passed(700),
    failed(),
    unobserved(),
    skipped(),
    notSelected,
    null,
  );
  const table = fc.array(fc.array(fc.tuple(fc.constantFrom(...LEVELS), outcome), { maxLength: 8 }), {
    minLength: 1,
    maxLength: 5,
  });

  test('sums to 100 less the score, for any evidence', () => {
    fc.assert(
      fc.property(table, (components) => {
        const evidence = evidenceOf(
          components.map((checks, c) => ({
            id: `c${c}`,
            weight: c + 1,
            checks: checks.map(([level, o], i) => [`c${c}.${i}`, level, o] as const),
          })),
        );
        const report = judge(evidence);
        const lost = report.ledger.reduce((sum, { points }) => sum + points, 0);
        const earned = report.components.reduce((sum, component) => sum + component.earned, 0);
        const declared = report.components.reduce((sum, component) => sum + component.points, 0);
        expect(lost + earned).toBeCloseTo(declared, 3);
        expect(report.score.value).toBeLessThanOrEqual(earned + 1e-4);
      }),
    );
  });
});

describe('statuses', () => {
  test('a promised check without a record is unobserved and keeps its points', () => {
    const { components, score } = judge(
      evidenceOf([withChecks('kafka', ['kafka.reach', 'reach', passed()], ['kafka.trip', 'reach', null])]),
    );
    expect(components[0]?.checks[1]).toMatchObject({ status: 'unobserved', points: 50, earned: 0 });
    expect(score.value).toBe(50);
  });

  test('a pass that observed nothing is none', () => {
    const { components } = judge(
      evidenceOf([withChecks('kafka', ['kafka.reach', 'reach', { status: 'passed', observed: {}, earned: 1_000 }])]),
    );
    expect(components[0]?.checks[0]?.status).toBe('unobserved');
  });

  test('what is not selected declares nothing', () => {
    const { components, score } = judge(
      evidenceOf([withChecks('kafka', ['kafka.reach', 'reach', passed()], ['kafka.trip', 'round-trip', notSelected])]),
    );
    expect(components[0]?.checks[1]).toMatchObject({ status: 'unobserved', points: 0 });
    expect(score.value).toBe(100);
  });

  test.each<[string, TableComponent, string]>([
    ['all hold', healthy(), 'Complete'],
    ['one instance short', { ...healthy(), door: { achieved: 2 } }, 'Failed'],
    [
      'a required level fails',
      withChecks('kafka', ['kafka.reach', 'reach', passed()], ['kafka.trip', 'round-trip', failed()]),
      'Failed',
    ],
    [
      'only another level fails',
      withChecks('kafka', ['kafka.reach', 'reach', passed()], ['kafka.p', 'hygiene', failed()]),
      'Complete',
    ],
    ['nothing could be looked at', withChecks('kafka', ['kafka.reach', 'reach', unobserved()]), 'Not Observed'],
    [
      'part could not be looked at',
      withChecks('kafka', ['kafka.reach', 'reach', passed()], ['kafka.trip', 'serve', unobserved()]),
      'Not Observed',
    ],
    [
      'another component is the cause',
      withChecks('kafka', ['kafka.reach', 'reach', blocked('zk', 'zk.reach')]),
      'Blocked',
    ],
    [
      'its name does not exist',
      {
        ...withChecks('kafka', ['kafka.reach', 'reach', failed('no such name', 'name-resolution')]),
        door: {
          state: 'closed',
          achieved: 0,
          diagnosis: { class: 'name-resolution', cause: 'x', remedy: 'y', evidence: 'z' },
        },
      },
      'Not Deployed',
    ],
  ])('%s', (_, component, status) => {
    const zk = withChecks('zk', ['zk.reach', 'reach', failed('zk is down')]);
    expect(judge(evidenceOf([component, zk])).components[0]?.status).toBe(status);
  });
});

describe('waivers', () => {
  const sick = withChecks(
    'kafka',
    ['kafka.reach', 'reach', failed('image gone', 'image-unavailable')],
    ['kafka.trip', 'round-trip', blocked('kafka', 'kafka.reach')],
  );
  const dependant = withChecks('datahub', ['datahub.reach', 'reach', blocked('kafka', 'kafka.reach')]);

  test('defer what they name, adding no point', () => {
    const { components, score } = judge(evidenceOf([sick, healthy('es')], { waivers: [waiver('kafka.*')] }));
    expect(components[0]).toMatchObject({ status: 'Deferred', earned: 0 });
    expect(score).toMatchObject({ value: 50, attainable: 50, coverage: 50 });
  });

  test('cover only the components that they name', () => {
    const uncovered = judge(evidenceOf([sick, dependant], { waivers: [waiver('kafka.*')] }));
    expect(uncovered.components[1]?.status).toBe('Blocked');
    const covered = judge(evidenceOf([sick, dependant], { waivers: [waiver('kafka.*', { covers: ['datahub'] })] }));
    expect(covered.components[1]?.status).toBe('Deferred');
    expect(covered.waivers[0]?.points).toBe(100);
  });

  test('count nothing once expired, and are red', () => {
    const { components, gate } = judge(evidenceOf([sick], { waivers: [waiver('kafka.*', { expires: '2026-11-23' })] }));
    expect(components[0]?.checks[0]?.status).toBe('failed');
    expect(gate.find(({ rule }) => rule === 'waivers valid')).toMatchObject({
      passed: false,
      observed: 'kafka.* expired 2026-11-23',
    });
  });

  test('hold through the whole of their last day', () => {
    expect(
      judge(evidenceOf([sick], { waivers: [waiver('kafka.*', { expires: '2026-11-24' })] })).waivers[0]?.expired,
    ).toBe(false);
  });

  test('are warned about when nothing needs them, and red after seven days', () => {
    const first = judge(evidenceOf([healthy()], { waivers: [waiver('kafka.*')] }));
    expect(first.waivers[0]?.staleSince).toBe('2026-11-24T12:00:00.000Z');
    expect(first.verdict).toBe('pass');
    const later = judge(
      evidenceOf([healthy()], {
        waivers: [waiver('kafka.*')],
        run: { startedAt: '2026-12-02T12:00:01.000Z' },
        baseline: first,
      }),
    );
    expect(later.verdict).toBe('fail');
  });
});

describe('blame', () => {
  test('folds all that names one broker, and what the broker makes slow, into one cause', () => {
    const { fixFirst } = judge(
      evidenceOf([
        withChecks(
          'kafka',
          ['kafka.reach', 'reach', failed('broker 2 answers nothing', 'slow', 'broker 2')],
          ['kafka.isr', 'durability', failed('out of the ISR: broker 2', 'not-redundant', 'broker 2')],
          ['kafka.trip', 'round-trip', failed('no result within 20000 ms', 'slow')],
          ['kafka.order', 'semantics', blocked('kafka', 'kafka.trip')],
          ['kafka.bytes', 'serve', failed('bytes differ', 'data-wrong')],
        ),
      ]),
    );
    expect(fixFirst.map(({ rootCause }) => rootCause)).toEqual(['broker 2 answers nothing', 'bytes differ']);
    expect(fixFirst[0]?.blocks).toEqual(['kafka/kafka.isr', 'kafka/kafka.trip', 'kafka/kafka.order']);
  });

  test('says what we could not look at once, for all components', () => {
    const ours = unobserved('the run was cut short', 'our-side');
    const { fixFirst } = judge(
      evidenceOf([withChecks('a', ['a.x', 'reach', ours]), withChecks('b', ['b.x', 'reach', ours])]),
    );
    expect(fixFirst).toHaveLength(1);
    expect(fixFirst[0]?.pointsAtStake).toBe(100);
  });
});

describe('the verdict', () => {
  const verdict = (...args: Parameters<typeof evidenceOf>): string => judge(evidenceOf(...args)).verdict;

  test('passes what holds', () => expect(verdict([healthy()])).toBe('pass'));
  test('is none for a run that was cut', () =>
    expect(verdict([healthy()], { run: { complete: false, cut: 'Ctrl-C' } })).toBe('no-verdict'));
  test('is none where nothing was observed', () =>
    expect(verdict([withChecks('a', ['a.x', 'reach', unobserved()])])).toBe('no-verdict'));
  test('is none where the harness broke', () => {
    const broken = {
      ...evidenceOf([healthy()]),
      problems: [{ where: 'suites/kafka', what: 'does not load', remedy: 'mend it' }],
    };
    expect(judge(broken).verdict).toBe('no-verdict');
  });
  test('fails below the exact threshold, not the printed one', () => {
    const checks = Array.from(
      { length: 1_000 },
      (_, i) => [`kafka.${i}`, 'reach', i === 0 ? failed() : passed()] as const,
    );
    expect(verdict([{ ...healthy(), checks }], { gate: { score: 99.9, requiredLevels: [] } })).toBe('pass');
    expect(verdict([{ ...healthy(), checks }], { gate: { score: 99.91, requiredLevels: [] } })).toBe('fail');
  });
  test('fails on a failed durability check of a component that is not required', () => {
    expect(
      verdict([healthy(), { ...withChecks('es', ['es.x', 'durability', failed()]), required: false, weight: 0.1 }]),
    ).toBe('fail');
  });
  test('fails where scratch was left behind', () => {
    const left = {
      created: 2,
      removed: 1,
      left: [{ component: 'kafka', kind: 'topic', name: 'assay-x', why: 'still there' }],
    };
    expect(judge({ ...evidenceOf([healthy()]), cleanup: left }).verdict).toBe('fail');
  });
  test('fails where the platform is short of the health that was asked for, whatever it rounds to', () => {
    expect(verdict([healthy()], { gate: { health: 99.99 }, health: { ready: 9_998, desired: 10_000 } })).toBe('fail');
  });
});

describe('comparison', () => {
  test('is line by line where phase, catalogue and selection are the same', () => {
    const before = judge(
      evidenceOf([withChecks('kafka', ['kafka.a', 'reach', passed()], ['kafka.b', 'serve', failed()])]),
    );
    const now = judge(
      evidenceOf([withChecks('kafka', ['kafka.a', 'reach', failed()], ['kafka.b', 'serve', passed()])], {
        baseline: before,
      }),
    );
    expect(now.comparison).toMatchObject({
      comparable: true,
      fixed: ['kafka/kafka.b'],
      broken: ['kafka/kafka.a'],
      scoreDelta: 50,
    });
  });
  test('says why it is none where the weights changed', () => {
    const before = judge(evidenceOf([healthy('kafka', 10), healthy('es', 10)]));
    const now = judge(evidenceOf([healthy('kafka', 10), healthy('es', 20)], { baseline: before }));
    expect(now.comparison).toMatchObject({ comparable: false, why: ['the weights changed'] });
  });
});

test('ten thousand checks are judged in under two seconds', () => {
  const components = Array.from({ length: 100 }, (_, c): TableComponent => {
    const checks = Array.from(
      { length: 100 },
      (_, i) =>
        [
          `c${c}.${i}`,
          LEVELS[i % 9] ?? 'reach',
          i % 7 === 0 && i > 0 ? blocked(`c${c}`, `c${c}.${i - 1}`) : i % 5 ? passed() : failed(`f${c}`),
        ] as const,
    );
    return { id: `c${c}`, weight: c + 1, checks };
  });
  const began = performance.now();
  expect(judge(evidenceOf(components)).components).toHaveLength(100);
  expect(performance.now() - began).toBeLessThan(2_000);
});
