import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { adopt } from '../../reports/adopt.ts';
import { baselineOf } from '../../reports/compare.ts';
import { reportFiles } from '../../reports/files.ts';
import { githubAnnotations } from '../../reports/github.ts';
import { judge } from '../../reports/judge.ts';
import { minimal } from '../../reports/minimal.ts';
import type {
  Baseline,
  CatalogueCheck,
  CheckRecord,
  Cleanup,
  DoorRecord,
  Evidence,
  Phase,
  Problem,
  Report,
} from '../../reports/model.ts';
import { parse, ReportSchema } from '../../reports/schemas.ts';
import { terminal } from '../../reports/terminal.ts';
import { suiteReporter } from '../../reports/vitest-reporter.ts';
import { EXIT_CODES } from '../../reports/words.ts';
import { catalogueDrift, catalogueHash, loadCatalogue, ROOT } from '../catalogue.ts';
import { endDisruption } from '../check/disruption.ts';
import type { Handout } from '../check/handout.ts';
import { EvidenceFile, evidenceText, pointLatest, writeAtomically } from '../evidence-file.ts';
import { remember, trend } from '../history.ts';
import { formatPhaseError } from '../phase/errors.ts';
import { loadPhase } from '../phase/load.ts';
import { closest } from '../phase/suggest.ts';
import { preflight, settle } from '../preflight.ts';
import { beginLedger, newRunId } from '../scratch.ts';
import { askedComponents, completeRecords, type Selection, scopeOf } from '../selection.ts';
import type { Secrets, Service } from '../service.ts';
import { loadServices } from '../services.ts';
import { sweep } from '../sweep.ts';
import { longestChain } from '../timing.ts';
import type { RunFlags } from './flags.ts';
import { live } from './live.ts';
import type { Output } from './output.ts';
import type { Stop } from './stop.ts';
import { UsageError } from './usage-error.ts';
import { openVitest, runVitest } from './vitest-runs.ts';

/** What this machine's own platform adds to a run; empty when the run is aimed at another. */
export interface LocalFacts {
  /** What the phase file may refer to: the environment, with the local platform's addresses and passwords where it is aimed at. */
  readonly env: NodeJS.ProcessEnv;
  /** Component type to the remedy, where a service could not be started here. */
  readonly missing: ReadonlyMap<string, string>;
  readonly processes: Readonly<Record<string, number>>;
}

export const elsewhere = (env: NodeJS.ProcessEnv): LocalFacts => ({ env, missing: new Map(), processes: {} });

export interface Aim {
  readonly phaseFile: string;
  readonly flags: RunFlags;
  readonly local: LocalFacts;
  /** Paths of suite files or folders, and a pattern for checks' names, as vitest takes them. */
  readonly paths: readonly string[];
  readonly pattern: string | null;
}

/** A run before anything was looked at: all that can be wrong with what the caller gave is known by now. */
export interface Prepared {
  readonly phase: Phase;
  readonly secrets: ReadonlyMap<string, Secrets>;
  readonly services: ReadonlyMap<string, Service>;
  readonly catalogue: Awaited<ReturnType<typeof loadCatalogue>>;
  readonly selection: Selection;
  readonly baseline: Baseline | null;
}

/** Loads the phase file and checks every flag against it. Throws UsageError with all that is to be mended. */
export async function prepare({ phaseFile, flags, local, paths, pattern }: Aim, output: Output): Promise<Prepared> {
  const [services, catalogue] = await Promise.all([loadServices(), loadCatalogue()]);
  const loaded = await loadPhase(phaseFile, {
    env: local.env,
    environment: flags.env,
    services,
    catalogue,
    now: new Date(),
  });
  if (!loaded.ok) throw new UsageError(...loaded.errors.map(formatPhaseError));
  for (const warning of loaded.warnings) output.progress(`warning: ${warning}`);
  for (const { password } of loaded.secrets.values()) if (password !== null) output.redactor.add(password);
  const { phase, secrets } = loaded;
  const ids = phase.components.map(({ id }) => id);
  for (const id of flags.only)
    if (!ids.includes(id)) {
      const near = closest(id, ids);
      throw new UsageError(
        `--only ${id}: ${phase.file} has no such component.${near ? ` Did you mean ${near}?` : ''} It has ${ids.join(', ')}.`,
      );
    }
  const fromPaths = paths.length === 0 ? [] : ofTypes(phase, paths);
  const only =
    flags.only.length > 0 && fromPaths.length > 0
      ? flags.only.filter((id) => fromPaths.includes(id))
      : [...flags.only, ...fromPaths];
  const files = paths.filter((path) => path.endsWith('.ts'));
  const selection = {
    only: inShard(only, phase, flags),
    levels: flags.levels,
    names: [...files, ...(pattern === null ? [] : [pattern])],
  };
  return {
    phase,
    secrets,
    services,
    catalogue,
    selection,
    baseline: baselineFor(flags, phase),
  };
}

const HISTORY = 'history.jsonl';
/** The state before the phase, as `--snapshot` keeps it beside the reports. */
const BEFORE = 'before.json';

const outOf = (flags: RunFlags, phase: Phase): string => flags.out ?? join(ROOT, 'reports', 'out', phase.id);

function baselineFor(flags: RunFlags, phase: Phase): Baseline | null {
  const before = join(outOf(flags, phase), BEFORE);
  if (flags.baseline !== null) return readBaseline(flags.baseline);
  return !flags.snapshot && existsSync(before) ? readBaseline(before) : null;
}

/** A shard takes every n-th component, so that neighbours, which are often of one kind, part. */
function inShard(only: readonly string[], phase: Phase, { shard }: RunFlags): readonly string[] {
  if (shard === null) return only;
  const all = phase.components.map(({ id }) => id).filter((id) => only.length === 0 || only.includes(id));
  const own = all.filter((_, position) => position % shard.of === shard.index - 1);
  if (own.length === 0)
    throw new UsageError(`--shard ${shard.index}/${shard.of}: there are only ${all.length} components`);
  return own;
}

/** Ids of the phase's components whose suites the paths name. */
function ofTypes(phase: Phase, paths: readonly string[]): string[] {
  const types = new Set(phase.components.map(({ type }) => type));
  return paths.flatMap((path) => {
    const type = suiteType(path);
    if (type === null) return phase.components.map(({ id }) => id);
    if (!types.has(type))
      throw new UsageError(`${path}: ${phase.file} has no component of type ${type}. It has ${[...types].join(', ')}.`);
    return phase.components.filter((each) => each.type === type).map(({ id }) => id);
  });
}

/** The component type whose suite a path names; null for the folder of all suites. */
export function suiteType(path: string): string | null {
  const inside = relative(ROOT, join(ROOT, path)).split('/');
  const type = inside[0] === 'suites' ? inside[1] : undefined;
  if (type === undefined || type === '') return null;
  if (!existsSync(join(ROOT, 'suites', type))) throw new UsageError(`${path}: there is no suites/${type}`);
  return type;
}

function readBaseline(file: string): Baseline {
  if (!existsSync(file))
    throw new UsageError(`--baseline ${file}: no such file. Give the report.json of an earlier run.`);
  const parsed = parse(ReportSchema, readFileSync(file, 'utf8'));
  if (!parsed.ok)
    throw new UsageError(`--baseline ${file}: ${parsed.problem}. Give the report.json of an earlier run.`);
  return baselineOf(parsed.value);
}

export const LEDGERS = join(ROOT, 'reports', 'out', 'ledger');

export interface RunResult {
  readonly exitCode: number;
  readonly report: Report;
  /** What belongs on stdout: the summary, or report.json with --json. */
  readonly text: string;
}

/** Runs what was prepared and writes evidence and report. The exit code is the verdict's. */
export async function run(prepared: Prepared, aim: Aim, output: Output, stop: Stop): Promise<RunResult> {
  const { phase, secrets, services, catalogue, selection } = prepared;
  const { flags, local } = aim;
  const began = performance.now();
  const startedAt = new Date();
  const runId = newRunId(startedAt);
  const scope = scopeOf(selection);
  const readOnly = flags.readOnly || !phase.writes;
  const out = outOf(flags, phase);
  const pastRuns = trend(join(out, HISTORY), phase.sha256, catalogueHash(catalogue));
  const typesAsked = new Set(askedComponents(phase, { ...selection, names: [] }).map(({ type }) => type));

  const records = new Map<string, CheckRecord>();
  const declared = new Map<string, CatalogueCheck[]>();
  const problems: Problem[] = [];
  let doors: readonly DoorRecord[] = [];
  let cleanup: Cleanup | null = null;
  let timing: Evidence['timing'] = null;
  let ended: { at: string; cut: string | null } | null = null;

  const snapshot = (): Evidence => ({
    schemaVersion: 1,
    tool: { name: 'assay', version: packageVersion(), catalogue: catalogueHash(catalogue) },
    run: {
      id: runId,
      startedAt: startedAt.toISOString(),
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
    health: null,
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
    signal: stop.signal,
  };
  const [vitest, seen] = await Promise.all([
    opening,
    flags.waitMs === null ? preflight(looking) : settle(looking, flags.waitMs, output.progress),
  ]);
  doors = seen.doors;
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
  ended = { at: new Date().toISOString(), cut: stop.reason() };

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
