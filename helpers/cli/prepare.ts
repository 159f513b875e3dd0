import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { baselineOf } from '../../reports/compare.ts';
import type { Baseline, Phase } from '../../reports/model.ts';
import { parse, ReportSchema } from '../../reports/schemas.ts';
import { loadCatalogue, ROOT } from '../catalogue.ts';
import type { Processes } from '../check/disruption.ts';
import { formatPhaseError } from '../phase/errors.ts';
import { loadPhase } from '../phase/load.ts';
import { codeOf } from '../phase/secret.ts';
import { closest } from '../phase/suggest.ts';
import type { Selection } from '../selection.ts';
import type { Secrets, Service } from '../service.ts';
import { loadServices } from '../services.ts';
import type { RunFlags } from './flags.ts';
import type { Output } from './output.ts';
import { readInput } from './read-input.ts';
import { UsageError } from './usage-error.ts';

/** What this machine's own platform adds to a run; empty when the run is aimed at another. */
export interface LocalFacts {
  /** What the phase file may refer to: the environment, with the local platform's addresses and passwords where it is aimed at. */
  readonly env: NodeJS.ProcessEnv;
  /** Component's id to the remedy, where its service could not be started here. */
  readonly missing: ReadonlyMap<string, string>;
  /** Process ids by component and name. */
  readonly processes: Readonly<Record<string, Processes>>;
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
  /** Folder of the run's files. */
  readonly out: string;
}

/** Loads the phase file and checks every flag against it. Throws UsageError with all that is to be mended. */
export async function prepare({ phaseFile, flags, local, paths, pattern }: Aim, output: Output): Promise<Prepared> {
  const [services, catalogue] = await Promise.all([loadServices(), loadCatalogue()]);
  const loaded = await loadPhase(phaseFile, {
    env: local.env,
    environment: flags.env,
    services,
    catalogue,
    now: flags.now ?? new Date(),
  });
  if (!loaded.ok) throw new UsageError(...loaded.errors.map(formatPhaseError));
  for (const warning of loaded.warnings) output.progress(`warning: ${warning}`);
  for (const { password } of loaded.secrets.values()) if (password !== null) output.redactor.add(password);
  const { phase, secrets } = loaded;
  if (flags.now !== null && !phase.local)
    throw new UsageError(`--now: ${phase.file} is of a platform that is what it is today, so it is judged today`);
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
  const out = outFolder(flags, phase);
  return { phase, secrets, services, catalogue, selection, out, baseline: baselineFor(flags, out) };
}

/** The state before the phase, as `--snapshot` keeps it beside the reports. */
export const BEFORE = 'before.json';

function baselineFor(flags: RunFlags, out: string): Baseline | null {
  const before = join(out, BEFORE);
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
  const parsed = parse(ReportSchema, readInput(file, 'the report.json of an earlier run'));
  if (!parsed.ok) throw new UsageError(`${file}: ${parsed.problem}. Give the report.json of an earlier run.`);
  return baselineOf(parsed.value);
}

/** The folder of a run's files, there and ours to write to: told before anything is looked at. */
function outFolder(flags: RunFlags, phase: Phase): string {
  const out = flags.out ?? join(ROOT, 'reports', 'out', phase.id);
  try {
    mkdirSync(out, { recursive: true });
    accessSync(out, constants.W_OK);
  } catch (error) {
    throw new UsageError(
      `--out ${out}: can not be written to (${codeOf(error)}). Name another folder, or make it yours.`,
    );
  }
  return out;
}
