import { appendFileSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { adopt } from '../../reports/adopt.ts';
import { reportFiles } from '../../reports/files.ts';
import { githubAnnotations } from '../../reports/github.ts';
import { judge } from '../../reports/judge.ts';
import { minimal } from '../../reports/minimal.ts';
import type {
  CatalogueCheck,
  CheckRecord,
  Cleanup,
  DoorRecord,
  Evidence,
  Phase,
  Problem,
  Report,
} from '../../reports/model.ts';
import { terminal } from '../../reports/terminal.ts';
import { suiteReporter } from '../../reports/vitest-reporter.ts';
import { EXIT_CODES } from '../../reports/words.ts';
import { catalogueDrift, catalogueHash, ROOT } from '../catalogue.ts';
import { endDisruption } from '../check/disruption.ts';
import type { Handout } from '../check/handout.ts';
import { EvidenceFile, evidenceText, pointLatest, writeAtomically } from '../evidence-file.ts';
import { remember, trend } from '../history.ts';
import { healthOf } from '../kubernetes/phase-health.ts';
import { preflight, settle } from '../preflight.ts';
import { beginLedger, newRunId } from '../scratch.ts';
import { askedComponents, completeRecords, type Selection, scopeOf } from '../selection.ts';
import { sweep } from '../sweep.ts';
import { longestChain } from '../timing.ts';
import { live } from './live.ts';
import type { Output } from './output.ts';
import { type Aim, BEFORE, type Prepared } from './prepare.ts';
import type { Stop } from './stop.ts';
import { UsageError } from './usage-error.ts';
import { openVitest, runVitest } from './vitest-runs.ts';

const HISTORY = 'history.jsonl';

export const LEDGERS = join(ROOT, 'reports', 'out', 'ledger');

export interface RunResult {
  readonly exitCode: number;
  readonly report: Report;
  /** What belongs on stdout: the summary, or report.json with --json. */
  readonly text: string;
}

/** Runs what was prepared and writes evidence and report. The exit code is the verdict's. */
export async function run(prepared: Prepared, aim: Aim, output: Output, stop: Stop): Promise<RunResult> {
  const { phase, secrets, services, catalogue, selection, out } = prepared;
  const { flags, local } = aim;
  const began = performance.now();
  const startedAt = new Date();
  const judgedAt = flags.now ?? startedAt;
  const runId = newRunId(startedAt);
  const scope = scopeOf(selection);
  const readOnly = flags.readOnly || !phase.writes;
  const pastRuns = trend(join(out, HISTORY), phase.sha256, catalogueHash(catalogue));
  const typesAsked = new Set(askedComponents(phase, { ...selection, names: [] }).map(({ type }) => type));

  const records = new Map<string, CheckRecord>();
  const declared = new Map<string, CatalogueCheck[]>();
  const problems: Problem[] = [];
  let doors: readonly DoorRecord[] = [];
  let health: Evidence['health'] = null;
  let cluster: NonNullable<Evidence['cluster']> | null = null;
  let cleanup: Cleanup | null = null;
  let timing: Evidence['timing'] = null;
  let ended: { at: string; cut: string | null } | null = null;

  const snapshot = (): Evidence => ({
    schemaVersion: 1,
    tool: { name: 'assay', version: packageVersion(), catalogue: catalogueHash(catalogue) },
    run: {
      id: runId,
      startedAt: judgedAt.toISOString(),
      finishedAt: ended?.at ?? null,
      durationMs: Math.round(performance.now() - began),
      complete: ended !== null && ended.cut === null,
      cut: ended === null ? 'the run did not come to its end' : ended.cut,
      readOnly,
      disrupt: flags.disrupt,
      scope,
      shard: flags.shard,
    },
    phase,
    catalogue: Object.fromEntries(phase.components.map(({ type }) => [type, catalogue[type] ?? []])),
    doors,
    checks:
      ended === null
        ? [...records.values()]
        : completeRecords(phase, catalogue, doors, [...records.values()], ended.cut === null ? scope : null),
    health,
    ...(cluster === null ? {} : { cluster }),
    cleanup,
    problems,
    past: { baseline: prepared.baseline, trend: pastRuns },
    timing,
  });

  const evidence = new EvidenceFile(out, snapshot, output.redactor);
  evidence.flush();
  pointLatest(out);
  output.progress(
    `${phase.name} on ${phase.target.name}, ${phase.target.path}: run ${runId}${readOnly ? ', read-only' : ''}`,
  );
  const endpoints = Object.fromEntries(
    phase.components.map(({ id, endpoints }) => [id, Object.values(endpoints).flat()]),
  );
  const ledger = readOnly ? null : beginLedger(LEDGERS, runId, phase.local, endpoints);

  const view = live(askedComponents(phase, selection), catalogue, output);
  const opening = openVitest(
    flags.disrupt ? 'all-suites' : 'suites',
    [
      suiteReporter({
        declared: (type, entries) => void declared.set(type, [...(declared.get(type) ?? []), ...entries]),
        record: (record) => {
          const key = `${record.component}/${record.check}`;
          if (records.has(key)) return;
          records.set(key, record);
          view.record(record);
          if (!output.watched || record.outcome.status !== 'passed') output.progress(progressLine(record));
          evidence.changed();
        },
        problem: (problem) => {
          problems.push(problem);
          evidence.changed();
        },
      }),
    ],
    aim.pattern ?? undefined,
  );
  const looking = {
    phase,
    components: askedComponents(phase, selection),
    secrets,
    services,
    missing: local.missing,
    secret: output.redactor.add,
    signal: stop.signal,
  };
  const [vitest, seen] = await Promise.all([
    opening,
    flags.waitMs === null ? preflight(looking) : settle(looking, flags.waitMs, output.progress),
  ]);
  doors = seen.doors;
  if (seen.cluster !== null) {
    const { clusterUid, version } = seen.cluster.census;
    cluster = { uid: clusterUid, version };
    health = healthOf(phase, seen.cluster.census);
    const wanted = phase.cluster?.uid ?? null;
    if (wanted !== null && clusterUid === null)
      throw new UsageError(
        `${phase.file}: whether the cluster is ${wanted} can not be known: we may not get namespace kube-system. Grant it (deploy/rbac.yaml), or leave cluster.uid out.`,
      );
    if (wanted !== null && clusterUid !== wanted)
      throw new UsageError(
        `${phase.file}: the cluster has the uid ${clusterUid}, cluster.uid is ${wanted}. Choose its context, or mend the uid.`,
      );
  }
  view.doors(doors);
  evidence.flush();
  const open = doors.filter(({ state }) => state === 'open').length;
  output.progress(`preflight: ${open} of ${doors.length} doors open, ${seen.tookMs} ms`);
  for (const door of doors) if (door.diagnosis) output.progress(`  ${door.component}: ${door.diagnosis.cause}`);

  const handout: Handout = {
    runId,
    startedAt: startedAt.getTime(),
    phase,
    secrets: Object.fromEntries(secrets),
    doors,
    cluster: seen.cluster,
    readOnly,
    disrupt: flags.disrupt,
    selection: { only: selection.only, levels: selection.levels },
    ledger,
    proving: false,
    local: { env: {}, processes: flags.disrupt && phase.local ? local.processes : {} },
  };
  for (const project of vitest.projects) project.provide('assay', handout);
  const filters =
    aim.paths.length > 0
      ? aim.paths.map((path) => suiteFilter(path))
      : [...typesAsked].map((type) => `suites/${type}/`);
  await runVitest(vitest, filters, stop.signal);
  view.end();
  endDisruption(handout.local.processes);

  if (ledger !== null)
    cleanup = await sweep({
      phase,
      secrets,
      services,
      reachable: new Set(doors.filter(({ state }) => state === 'open').map(({ component }) => component)),
      folder: LEDGERS,
      own: ledger,
      now: Date.now(),
      progress: output.progress,
    });
  else cleanup = { created: 0, removed: 0, left: [] };
  if (stop.reason() === null && aim.paths.every((path) => !path.endsWith('.ts')))
    problems.push(...drift(catalogue, declared, typesAsked, phase, selection, flags.disrupt));
  timing = {
    preflightMs: seen.tookMs,
    longestChain: longestChain(phase, catalogue, doors, [...records.values()]),
    wallMs: Math.round(performance.now() - began),
  };
  const sinceStart = Date.now() - startedAt.getTime();
  ended = { at: new Date(judgedAt.getTime() + sinceStart).toISOString(), cut: stop.reason() };

  const whole = evidence.flush();
  const recorded = flags.evidence === 'minimal' ? minimal(whole) : whole;
  if (recorded !== whole) writeAtomically(evidence.file, evidenceText(recorded));
  const report = judge(recorded);
  const files = reportFiles(report);
  for (const [name, text] of files) writeAtomically(join(out, name), text);
  if (flags.snapshot && report.run.complete) writeAtomically(join(out, BEFORE), files.get('report.json') ?? '');
  if (flags.adopt) {
    writeAtomically(join(out, 'waivers.yaml'), adopt(report));
    output.progress(`waivers for what does not hold now: ${shortest(join(out, 'waivers.yaml'))}`);
  }
  remember(join(out, HISTORY), report);
  if (process.env.GITHUB_ACTIONS === 'true') tellGithub(report, files.get('report.md') ?? '', output);
  const summary = { colour: output.colour, out: shortest(out), width: output.columns };
  return {
    exitCode: EXIT_CODES[report.verdict],
    report,
    text: flags.json ? (files.get('report.json') ?? '') : terminal(report, summary),
  };
}

/** A step summary may have 1 MiB. Source: GitHub documentation, "Adding a job summary". */
const SUMMARY_BYTES = 1_000_000;

/** On GitHub Actions: an annotation for each root cause, and report.md as the job's summary. */
function tellGithub(report: Report, summary: string, output: Output): void {
  output.progress(githubAnnotations(report).trimEnd());
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (file) appendFileSync(file, Buffer.from(summary).subarray(0, SUMMARY_BYTES));
}

/** As a reader of this terminal would type it. */
export function shortest(path: string): string {
  const near = relative(process.cwd(), path) || '.';
  return near.startsWith('..') ? resolve(path) : near;
}

const suiteFilter = (path: string): string => (path.endsWith('.ts') || path.endsWith('/') ? path : `${path}/`);

/** A suite that declares something else than its catalogue says was scored by a promise that nobody made. */
function drift(
  catalogue: Prepared['catalogue'],
  declared: ReadonlyMap<string, readonly CatalogueCheck[]>,
  types: ReadonlySet<string>,
  phase: Phase,
  selection: Selection,
  disrupt: boolean,
): Problem[] {
  const asked = new Set(
    phase.components
      .filter(({ id }) => selection.only.length === 0 || selection.only.includes(id))
      .map(({ type }) => type),
  );
  const promised = (entries: readonly CatalogueCheck[]) => entries.filter(({ disruptive }) => disrupt || !disruptive);
  return [...types]
    .filter((type) => asked.has(type))
    .flatMap((type) =>
      catalogueDrift(type, promised(catalogue[type] ?? []), declared.get(type) ?? []).map((what) => ({
        where: `suites/${type}`,
        what,
        remedy: 'npm run catalogue, and commit what it writes',
      })),
    );
}

function progressLine({ component, check, outcome, durationMs }: CheckRecord): string {
  const ref = `${component}/${check}`;
  switch (outcome.status) {
    case 'passed':
      return `  passed      ${ref}, ${durationMs} ms`;
    case 'failed':
      return `  failed      ${ref}, ${durationMs} ms: ${outcome.diagnosis.cause}`;
    case 'blocked':
      return `  blocked     ${ref} by ${outcome.by.component}/${outcome.by.check}`;
    case 'unobserved':
      return `  unobserved  ${ref}: ${outcome.diagnosis.cause}`;
    case 'skipped':
      return `  skipped     ${ref}: ${outcome.predicate.name} = ${JSON.stringify(outcome.predicate.value)}`;
  }
}

const packageVersion = (): string => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
