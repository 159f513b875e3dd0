import { causesOf, fixFirst } from './blame.ts';
import { compare } from './compare.ts';
import { componentStatus } from './component-status.ts';
import { gateLines, verdictOf } from './gate.ts';
import { healthPercent } from './health.ts';
import type {
  Baseline,
  Component,
  DoorRecord,
  Evidence,
  LedgerLine,
  Report,
  ReportCheck,
  ReportComponent,
} from './model.ts';
import { indexOf, type Row, refOf, rootOf, rowRef, rowsOf } from './rows.ts';
import { figures, pointsOf, type Score, score as scoreOf } from './score.ts';
import { goalsOf, stagesOf } from './summary.ts';
import { waiversOf } from './waivers.ts';

/**
 * What follows from the evidence, of which earlier reports are a part. Pure: no clock, no network, no chance.
 * The same evidence gives the same report.
 */
export function judge(evidence: Evidence): Report {
  const { phase, run } = evidence;
  const { baseline, trend } = evidence.past;
  const rows = rowsOf(evidence);
  const index = indexOf(rows);
  const byComponent = Map.groupBy(rows, ({ component }) => component);
  const of = (component: Row['component']): Row[] => byComponent.get(component) ?? [];
  const score = scoreOf(
    phase.components.map((component) => ({
      weight: component.weight,
      lines: of(component).map(({ entry, status, earned, selected }) => ({
        level: entry.level,
        status,
        earned,
        selected,
      })),
    })),
  );
  const parts = new Map(
    phase.components.flatMap((component, c) =>
      of(component).map((row, i) => [row, score.components[c]?.lines[i] ?? { points: 0n, earned: 0n }] as const),
    ),
  );
  const worth = (row: Row): bigint => (parts.get(row)?.points ?? 0n) - (parts.get(row)?.earned ?? 0n);
  const causes = causesOf(rows, worth);
  const printed = figures(score);
  const waivers = waiversOf(evidence, rows, worth, score, baseline);
  const least = (part: bigint, percent: number): boolean =>
    part * 1_000_000n >= score.declared * BigInt(Math.round(percent * 10_000));
  const components = phase.components.map((component, c): ReportComponent => {
    const own = of(component);
    const door = evidence.doors.find((each) => each.component === component.id);
    const before = baseline?.components.find(({ id }) => id === component.id);
    const status = componentStatus(component, own, door, phase.gate.requiredLevels, (row) => rootOf(row, index));
    const first = own.find(
      ({ status, blockedBy }) => status === 'blocked' && blockedBy !== null && blockedBy.component !== component.id,
    );
    return {
      id: component.id,
      type: component.type,
      title: component.title,
      required: component.required,
      weight: component.weight,
      points: pointsOf(score.components[c]?.declared ?? 0n, score),
      earned: pointsOf(score.components[c]?.earned ?? 0n, score),
      status,
      since:
        readySince(door) ??
        (baseline && (before?.status === status ? (before.since ?? baseline.run.startedAt) : run.startedAt)),
      owner: component.owner,
      runbook: component.runbook,
      endpoints: door?.endpoints ?? [],
      storage: storageOf(door),
      target: component.target,
      achieved: door?.achieved ?? null,
      unit: component.unit,
      ...rolesOf(component, door),
      version: door?.version ?? null,
      stance: component.stance,
      blockedBy: first?.blockedBy ? refOf(first.blockedBy) : null,
      checks: own.map((row) => ({
        ...reportCheck(row, parts.get(row) ?? { points: 0n, earned: 0n }, score),
        failingSince: failingSince(row, before, baseline, run.startedAt),
        reproduce: reproduce(row, evidence),
      })),
    };
  });

  const head = {
    tool: evidence.tool,
    run: {
      id: run.id,
      startedAt: run.startedAt,
      finishedAt: run.finishedAt,
      durationMs: run.durationMs,
      complete: run.complete,
      cut: run.cut,
      readOnly: run.readOnly,
      scope: run.scope,
    },
    phase: { id: phase.id, name: phase.name, sha256: phase.sha256, starts: phase.starts },
    score: printed,
    components,
  };
  const comparison = baseline && compare(baseline, head);
  const gate = gateLines({
    evidence,
    rows,
    figures: printed,
    waivers,
    comparison,
    atLeast: { score: (wanted) => least(score.earned, wanted), coverage: (wanted) => least(score.observed, wanted) },
  });

  return {
    schemaVersion: 1,
    ...head,
    target: {
      name: phase.target.name,
      clusterUid: evidence.cluster?.uid ?? null,
      kubernetes: evidence.cluster?.version ?? null,
      path: phase.target.path,
      revision: phase.target.revision,
    },
    verdict: verdictOf(evidence, rows, gate),
    gate,
    health: evidence.health && { ...evidence.health, percent: healthPercent(evidence.health) },
    fixFirst: fixFirst(causes, score),
    ledger: ledgerOf(phase.components, rows, worth, score, (row) => rootOf(row, index)),
    goals: goalsOf(evidence),
    stages: stagesOf(evidence, components),
    before: phase.before,
    trend,
    argo: [],
    waivers,
    comparison,
    cleanup: evidence.cleanup ?? { created: 0, removed: 0, left: [] },
    problems: evidence.problems,
    notes: phase.notes,
  };
}

/** What was promised and what was seen of each role; nothing where the type has none. */
/** Since when all its pods are ready, as the cluster says; null: they are not, or nobody looked. */
const readySince = (door: DoorRecord | undefined): string | null =>
  typeof door?.workload?.readySince === 'string' ? door.workload.readySince : null;

const storageOf = (door: DoorRecord | undefined): string[] =>
  Array.isArray(door?.workload?.storage) ? door.workload.storage.map(String) : [];

function rolesOf({ roles: promised }: Component, door: DoorRecord | undefined): Pick<ReportComponent, 'roles'> {
  const names = Object.keys({ ...promised, ...door?.roles });
  if (names.length === 0) return {};
  const sizes = names.map((name) => [
    name,
    { target: promised?.[name] ?? null, achieved: door?.roles?.[name] ?? null },
  ]);
  return { roles: Object.fromEntries(sizes) };
}

function reportCheck(
  row: Row,
  part: { points: bigint; earned: bigint },
  score: Score,
): Omit<ReportCheck, 'failingSince' | 'reproduce'> {
  const { entry, status, diagnosis, observed, blockedBy } = row;
  return {
    id: entry.id,
    level: entry.level,
    claim: entry.claim,
    status,
    points: pointsOf(part.points, score),
    earned: pointsOf(part.earned, score),
    durationMs: row.durationMs,
    flaky: status === 'passed' && row.attempts > 1,
    blockedBy: blockedBy && refOf(blockedBy),
    diagnosis,
    observed,
    skippedBecause: row.skippedBecause,
  };
}

const holds = (status: ReportCheck['status']): boolean => status === 'passed' || status === 'skipped';

/** Start of the first run, in an unbroken row of baselines, in which the check did not hold. */
function failingSince(
  row: Row,
  before: Baseline['components'][number] | undefined,
  baseline: Baseline | null,
  now: string,
): string | null {
  if (!row.selected || holds(row.status)) return null;
  const then = before?.checks.find(({ id }) => id === row.entry.id);
  if (!then || !baseline || holds(then.status)) return now;
  return then.failingSince ?? baseline.run.startedAt;
}

/** The phase that npm test takes by itself. */
const USUAL = 'local';

/** What to type to ask this check alone. */
function reproduce({ component, entry }: Row, { phase }: Evidence): string {
  const twins = phase.components.filter(({ type }) => type === component.type).length > 1;
  const aim = phase.local && phase.id === USUAL ? '' : `PHASE=${phase.file} `;
  return `${aim}npm test -- suites/${component.type}${twins ? ` --only ${component.id}` : ''} -t ${entry.id}`;
}

/** A line for every point that was lost. The lines sum to 100 less the unrounded score. */
function ledgerOf(
  components: Evidence['phase']['components'],
  rows: readonly Row[],
  worth: (row: Row) => bigint,
  score: Score,
  root: (row: Row) => Row,
): LedgerLine[] {
  const lines = rows
    .filter((row) => worth(row) > 0n)
    .map((row) => ({
      component: row.component.id,
      check: row.entry.id,
      points: pointsOf(worth(row), score),
      status: row.status,
      cause: causeOf(row, root(row)),
    }));
  const whole = components.flatMap((component, c) => {
    const unearnable = score.components[c]?.unearnable ?? 0n;
    return unearnable === 0n
      ? []
      : [
          {
            component: component.id,
            check: '*',
            points: pointsOf(unearnable, score),
            status: 'skipped' as const,
            cause: 'no check of the component applies: it keeps its weight until it leaves the phase file',
          },
        ];
  });
  return [...lines, ...whole];
}

function causeOf(row: Row, root: Row): string {
  if (row.status === 'passed') return 'between target and limit';
  const cause = root.diagnosis?.cause ?? 'cause unknown';
  const by = root === row ? cause : `blocked by ${rowRef(root)}: ${cause}`;
  return row.waiver ? `${by} (deferred until ${row.waiver.expires})` : by;
}
