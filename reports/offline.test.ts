import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { adopt } from './adopt.ts';
import {
  blocked,
  evidenceOf,
  failed,
  notSelected,
  passed,
  type TableComponent,
  workedExample,
} from './evidence.fixture.ts';
import { reportFiles } from './files.ts';
import { judge } from './judge.ts';
import { merge } from './merge.ts';
import { minimal } from './minimal.ts';
import type { Evidence, Outcome } from './model.ts';

const COMPONENTS = ['a', 'b', 'c'];

/** One shard's evidence: what is not its own is not selected. */
function shard(index: number, of: number, result: Outcome = passed()): Evidence {
  const own = COMPONENTS.filter((_, position) => position % of === index - 1);
  const table = COMPONENTS.map(
    (id): TableComponent => ({
      id,
      weight: 1,
      checks: [[`${id}.x`, 'reach', own.includes(id) ? result : notSelected]],
    }),
  );
  return evidenceOf(table, {
    run: { id: `run-${index}`, shard: { index, of }, scope: { only: own, levels: [], names: [] } },
  });
}

describe('merging shards', () => {
  test('gives what one run would have given', () => {
    const merged = merge([shard(2, 2), shard(1, 2)]);
    if (!merged.ok) throw new Error(merged.problem);
    const report = judge(merged.evidence);
    expect(report).toMatchObject({ verdict: 'pass', score: { value: 100, coverage: 100 }, run: { scope: null } });
    expect(report.components.map(({ checks }) => checks.length)).toEqual([1, 1, 1]);
  });

  test('is incomplete where a shard was', () => {
    const cut = shard(2, 2);
    const merged = merge([shard(1, 2), { ...cut, run: { ...cut.run, complete: false, cut: 'Ctrl-C' } }]);
    if (!merged.ok) throw new Error(merged.problem);
    expect(judge(merged.evidence).verdict).toBe('no-verdict');
  });

  test('carries the failure of any shard', () => {
    const merged = merge([shard(1, 2), shard(2, 2, failed())]);
    if (!merged.ok) throw new Error(merged.problem);
    expect(judge(merged.evidence).verdict).toBe('fail');
  });

  const other = shard(2, 2);
  test.each<[string, Evidence[], string]>([
    ['nothing', [], 'there is no evidence to merge'],
    ['what is no shard', [evidenceOf([])], 'run 20261124120000-abcd is no shard: only what --shard made can be merged'],
    ['a shard twice', [shard(1, 2), shard(1, 2)], 'shard 1 of 2 is there twice'],
    ['less than all', [shard(1, 3), shard(3, 3)], 'shard 2 of 3 is missing'],
    ['other divisions', [shard(1, 2), shard(2, 3)], 'run run-2 is of another division than 2 shards'],
    [
      'another phase',
      [shard(1, 2), { ...other, phase: { ...other.phase, sha256: 'def' } }],
      'run run-2 is of phase phase-3 (def), not of phase-3 (abc)',
    ],
    [
      'another catalogue',
      [shard(1, 2), { ...other, tool: { ...other.tool, catalogue: 'other' } }],
      'run run-2 was made with another catalogue of checks',
    ],
    [
      'other flags',
      [shard(1, 2), { ...other, run: { ...other.run, readOnly: true } }],
      'run run-2 was run with other flags (--read-only, --disrupt)',
    ],
  ])('refuses %s', (_, parts, problem) => expect(merge(parts)).toEqual({ ok: false, problem }));
});

describe('minimal evidence', () => {
  const evidence = workedExample();
  const secret = {
    ...evidence,
    checks: evidence.checks.map((record) =>
      record.outcome.status === 'passed'
        ? {
            ...record,
            outcome: { ...record.outcome, observed: { topic: 'orders-of-acme', count: 7, at: ['host-1:9092'] } },
          }
        : record,
    ),
  };

  test('is judged as the whole is', () => {
    const { score, verdict, gate } = judge(minimal(secret));
    const whole = judge(secret);
    expect({ score, verdict, gate }).toEqual({ score: whole.score, verdict: whole.verdict, gate: whole.gate });
  });

  test('holds no name, no address and no body, in any format', () => {
    const everything = [JSON.stringify(minimal(secret)), ...reportFiles(judge(minimal(secret))).values()].join('\n');
    for (const word of ['orders-of-acme', 'host-1', 'kafka:1', 'seen:'])
      expect(everything.includes(word), word).toBe(false);
    expect(everything).toContain('"count": 7');
  });

  test('hashes a name alike within a run, and differently in another', () => {
    const names = (of: Evidence): unknown => minimal(of).doors[0]?.endpoints[0]?.logical;
    expect(names(secret)).toBe(names(secret));
    expect(names({ ...secret, run: { ...secret.run, id: 'another' } })).not.toBe(names(secret));
  });
});

test('adopting writes a dated waiver for each failure, which covers what it blocks elsewhere, and which passes the gate', () => {
  const table: TableComponent[] = [
    {
      id: 'kafka',
      weight: 1,
      checks: [
        ['kafka.reach', 'reach', failed('image gone')],
        ['kafka.trip', 'round-trip', blocked('kafka', 'kafka.reach')],
      ],
    },
    { id: 'datahub', weight: 1, checks: [['datahub.reach', 'reach', blocked('kafka', 'kafka.reach')]] },
  ];
  const { waivers } = parseYaml(adopt(judge(evidenceOf(table))));
  expect(waivers).toEqual([
    { checks: 'kafka.reach', covers: ['datahub'], reason: 'image gone', owner: '@owner', expires: '2026-12-24' },
  ]);
  const adopted = judge(
    evidenceOf(table, {
      waivers: waivers.map((each: object) => ({ covers: [], approver: null, ...each })),
      gate: { score: 0, coverage: 0 },
    }),
  );
  expect(adopted.components.map(({ status }) => status)).toContain('Deferred');
});

describe('what a report is seen beside', () => {
  const sick: TableComponent = {
    id: 'kafka',
    weight: 1,
    target: 3,
    checks: [
      ['kafka.a', 'reach', failed()],
      ['kafka.b', 'serve', passed()],
    ],
  };
  const at = (day: string): string => `2026-11-${day}T12:00:00.000Z`;
  const first = judge(evidenceOf([sick], { run: { startedAt: at('20') } }));
  const second = judge(evidenceOf([sick], { run: { startedAt: at('21') }, baseline: first }));

  test('a check fails since the first run in a row', () => {
    expect(first.components[0]?.checks.map(({ failingSince }) => failingSince)).toEqual([at('20'), null]);
    expect(second.components[0]?.checks[0]?.failingSince).toBe(at('20'));
    const mended = judge(evidenceOf([{ ...sick, checks: [['kafka.a', 'reach', passed()]] }], { baseline: second }));
    expect(mended.components[0]?.checks[0]?.failingSince).toBeNull();
  });

  test('a component is as it is since the first run in a row', () => {
    expect(first.components[0]?.since).toBeNull();
    expect(second.components[0]?.since).toBe(at('20'));
  });

  test('a check that held in a comparable baseline and fails now closes the gate, unless the phase lets it', () => {
    const small = (result: Outcome): TableComponent => ({
      id: 'es',
      weight: 1,
      checks: [
        ['es.a', 'reach', passed()],
        ['es.b', 'hygiene', result],
      ],
    });
    const before = judge(evidenceOf([small(passed())]));
    const now = (noRegression: boolean) =>
      judge(evidenceOf([small(failed())], { baseline: before, gate: { score: 0, noRegression } }));
    expect(now(true).verdict).toBe('fail');
    expect(now(true).gate.find(({ rule }) => rule.startsWith('no regression'))).toMatchObject({
      passed: false,
      observed: 'es/es.b',
    });
    expect(now(false).verdict).toBe('pass');
  });

  test('flaky passes close the gate where the phase says how many it bears', () => {
    const evidence = evidenceOf([{ id: 'es', weight: 1, checks: [['es.a', 'reach', passed()]] }], {
      gate: { flaky: 0 },
    });
    const retried = { ...evidence, checks: evidence.checks.map((record) => ({ ...record, attempts: 2 })) };
    expect(judge(evidence).verdict).toBe('pass');
    expect(judge(retried).gate.find(({ rule }) => rule.startsWith('flaky'))).toMatchObject({
      passed: false,
      observed: 'es.a',
    });
  });

  test('stages share the points of their components, and one of which nothing is promised has not begun', () => {
    const { stages } = judge(
      evidenceOf([sick], {
        phase: { stages: { one: { of: ['kafka'], estimate: '1h' }, two: { of: ['flows'], estimate: null } } },
      }),
    );
    expect(stages.map(({ stage, percent }) => [stage, percent])).toEqual([
      ['one', 75],
      ['two', null],
    ]);
  });
});
