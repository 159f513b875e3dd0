import type { Comparison, Report } from './model.ts';

type Comparable = Pick<Report, 'tool' | 'run' | 'phase' | 'score' | 'components'>;

/** Line by line by component id and check id. Where catalogue, phase, scope or mode changed the scores are not comparable, and it says why. */
export function compare(baseline: Comparable, now: Comparable): Comparison {
  const why = reasons(baseline, now);
  const before = statuses(baseline);
  const after = statuses(now);
  const both = [...after.keys()].filter((ref) => before.has(ref));
  const held = (of: ReadonlyMap<string, string>, ref: string): boolean => of.get(ref) === 'passed';
  return {
    baseline: baseline.run.id,
    comparable: why.length === 0,
    why,
    scoreDelta: Math.round((now.score.value - baseline.score.value) * 10) / 10,
    fixed: both.filter((ref) => !held(before, ref) && held(after, ref)),
    broken: both.filter((ref) => held(before, ref) && !held(after, ref)),
    new: [...after.keys()].filter((ref) => !before.has(ref)),
    gone: [...before.keys()].filter((ref) => !after.has(ref)),
  };
}

function statuses({ components }: Comparable): Map<string, string> {
  return new Map(
    components.flatMap(({ id, checks }) => checks.map((check) => [`${id}/${check.id}`, check.status] as const)),
  );
}

function reasons(baseline: Comparable, now: Comparable): string[] {
  const changed = (what: string, of: (report: Comparable) => unknown): string[] =>
    JSON.stringify(of(baseline)) === JSON.stringify(of(now)) ? [] : [`${what} changed`];
  return [
    ...changed('the phase', ({ phase }) => [phase.id, phase.sha256]),
    ...changed('the catalogue', ({ tool }) => tool.catalogue),
    ...changed('the weights', ({ components }) => components.map(({ id, weight }) => [id, weight])),
    ...changed('the selection', ({ run }) => run.scope),
    ...changed('read-only', ({ run }) => run.readOnly),
    ...(baseline.run.complete && now.run.complete ? [] : ['a run was cut short']),
  ];
}
