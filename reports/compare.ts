import type { Baseline, Comparison, Report } from './model.ts';

type Now = Pick<Baseline, 'tool' | 'run' | 'phase' | 'score' | 'components'>;

/** Line by line by component id and check id. Where catalogue, phase, scope or mode changed the scores are not comparable, and it says why. */
export function compare(baseline: Baseline, now: Now): Comparison {
  const why = reasons(baseline, now);
  const before = statuses(baseline);
  const after = statuses(now);
  const both = [...after.keys()].filter((ref) => before.has(ref));
  const held = (of: ReadonlyMap<string, string>, ref: string): boolean => of.get(ref) === 'passed';
  return {
    baseline: baseline.run.id,
    startedAt: baseline.run.startedAt,
    verdict: baseline.verdict,
    score: baseline.score,
    health: baseline.health,
    components: Object.fromEntries(
      baseline.components.map(({ id, status, achieved, earned }) => [id, { status, achieved, earned }]),
    ),
    comparable: why.length === 0,
    why,
    scoreDelta: Math.round((now.score.value - baseline.score.value) * 10) / 10,
    fixed: both.filter((ref) => !held(before, ref) && held(after, ref)),
    broken: both.filter((ref) => held(before, ref) && !held(after, ref)),
    new: [...after.keys()].filter((ref) => !before.has(ref)),
    gone: [...before.keys()].filter((ref) => !after.has(ref)),
  };
}

function statuses({ components }: Now): Map<string, string> {
  return new Map(
    components.flatMap(({ id, checks }) => checks.map((check) => [`${id}/${check.id}`, check.status] as const)),
  );
}

function reasons(baseline: Now, now: Now): string[] {
  const changed = (what: string, of: (report: Now) => unknown): string[] =>
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

/** As much of a report as a later one is compared with. */
export function baselineOf({ tool, run, phase, verdict, score, health, components, waivers }: Report): Baseline {
  const { id, startedAt, complete, readOnly, scope } = run;
  return {
    tool,
    run: { id, startedAt, complete, readOnly, scope },
    phase: { id: phase.id, sha256: phase.sha256 },
    verdict,
    score,
    health,
    components: components.map((each) => ({
      id: each.id,
      weight: each.weight,
      status: each.status,
      since: each.since,
      achieved: each.achieved,
      earned: each.earned,
      checks: each.checks.map((check) => ({ id: check.id, status: check.status, failingSince: check.failingSince })),
    })),
    waivers: waivers.map(({ checks, reason, staleSince }) => ({ checks, reason, staleSince })),
  };
}
