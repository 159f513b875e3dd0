import type { Reporter, TestModule } from 'vitest/node';
import { checksOf, isSelected } from '../../reports/words.ts';
import { type RunFlags, runFlags, splitTestArguments } from './flags.ts';
import { isLocal, LOCAL_PHASE, localPlatform } from './local-platform.ts';
import type { Output } from './output.ts';
import { type Aim, elsewhere, type LocalFacts, type Prepared, prepare, suiteType } from './prepare.ts';
import { type RunResult, run } from './run.ts';
import { type Stop, stopOnSignals } from './stop.ts';
import { UsageError } from './usage-error.ts';
import { type Group, openVitest, runVitest } from './vitest-runs.ts';

export interface Asked {
  /** Paths under suites/: they choose checks. */
  readonly suites: readonly string[];
  /** Paths of drills: they run on the local platform. */
  readonly drills: readonly string[];
  /** All other paths: they choose the project's own tests. */
  readonly own: readonly string[];
  readonly pattern: string | null;
}

export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/**
 * The project's own tests, and the suites against the local platform or the one of PHASE. A path chooses: under suites/ it is
 * checks, anywhere else the project's own tests, which need no platform.
 */
export async function test(argv: readonly string[], output: Output): Promise<number> {
  const { ours, vitest } = splitTestArguments(argv);
  const flags = runFlags(ours, process.env);
  const asked = await askedOf(vitest);
  const everything = asked.suites.length === 0 && asked.own.length === 0 && asked.drills.length === 0;
  const wantsOwn = everything || asked.own.length > 0;
  const wantsDrills = (everything && flags.phase === null) || asked.drills.length > 0;
  const wantsSuites = everything || asked.suites.length > 0;
  if (flags.list) throw new UsageError('test runs what it lists: use npm run gate -- --phase FILE --list');
  const phase = flags.phase === null || isLocal(flags.phase) ? null : flags.phase;
  const localPhase = phase === null ? (flags.phase ?? LOCAL_PHASE) : null;
  const aimAt = (phaseFile: string, local: LocalFacts): Aim => ({
    phaseFile,
    flags,
    local,
    paths: asked.suites,
    pattern: asked.pattern,
  });
  // A platform of the caller's is known by its file alone, so what is wrong with that is told first.
  const elsewhereAim = phase === null ? null : aimAt(phase, elsewhere(process.env));
  const early: Prepared | null = elsewhereAim && wantsSuites ? await prepare(elsewhereAim, output) : null;
  using stop = stopOnSignals(flags.deadlineMs, output.progress);
  let own = NONE;
  if (wantsOwn) own = await ownTests('unit', asked.own, asked.pattern, stop);
  if (!wantsSuites && !wantsDrills) return finish(own, null, flags, output);
  // Not beside the unit tests: services that start take the processor from tests that measure time.
  await using local = await bringUp(localPhase, wantsDrills && ofClusters(asked) ? CLUSTERS : [], asked, output, stop);
  if (wantsDrills && stop.reason() === null)
    own = sum(own, await ownTests('drills', asked.drills, asked.pattern, stop, local));
  if (!wantsSuites) return finish(own, null, flags, output);
  const aim = elsewhereAim ?? aimAt(localPhase ?? LOCAL_PHASE, local);
  const prepared = early ?? (await prepare(aim, output));
  return finish(own, await run(prepared, aim, output, stop), flags, output);
}

export async function askedOf(argv: readonly string[]): Promise<Asked> {
  const { parseCLI } = await import('vitest/node');
  const { filter, options } = parseCLI(['vitest', 'run', ...argv]);
  const known = new Set(['--', 'color', 'run', 't', 'testNamePattern']);
  const [unknown] = Object.keys(options).filter((name) => !known.has(name));
  if (unknown !== undefined)
    throw new UsageError(
      `npm test does not take --${unknown}. It takes paths, -t PATTERN, and the flags of gate (--only, --level, --read-only ...).`,
    );
  const paths = filter.map((path) => path.replace(/^\.\//, ''));
  const suites = paths.filter((path) => path === 'suites' || path.startsWith('suites/'));
  for (const path of suites) suiteType(path);
  return {
    suites,
    drills: paths.filter((path) => path.endsWith('.drill.test.ts')),
    own: paths.filter((path) => !suites.includes(path) && !path.endsWith('.drill.test.ts')),
    pattern: options.testNamePattern?.toString() ?? null,
  };
}

/** What the drills under helpers/kubernetes/ break; they are skipped where the control plane was never built. */
const CLUSTERS = ['kubernetes', 'kubernetes-seed'];

const ofClusters = ({ drills }: Asked): boolean =>
  drills.length === 0 || drills.some((path) => path.startsWith('helpers/kubernetes/'));

/** Only what the chosen suites need is started. */
async function bringUp(
  localPhase: string | null,
  besides: readonly string[],
  { suites }: Asked,
  output: Output,
  stop: Stop,
): Promise<LocalFacts & AsyncDisposable> {
  if (localPhase === null) return { ...elsewhere(process.env), [Symbol.asyncDispose]: async () => undefined };
  const named = suites.map(suiteType);
  const types = suites.length === 0 || named.includes(null) ? null : named.filter((type) => type !== null);
  return localPlatform(localPhase, types, output, stop, besides);
}

async function ownTests(
  group: Group,
  paths: readonly string[],
  pattern: string | null,
  stop: Stop,
  local?: LocalFacts,
): Promise<Count> {
  const counter = countingReporter();
  const vitest = await openVitest(group, ['default', counter.reporter], pattern ?? undefined);
  if (local)
    for (const each of vitest.projects)
      each.provide('local', { env: definedOf(local.env), processes: local.processes });
  await runVitest(vitest, paths, stop.signal);
  return counter.count();
}

const definedOf = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

declare module 'vitest' {
  export interface ProvidedContext {
    /** The running local platform, for the drills. */
    local: { readonly env: Readonly<Record<string, string>>; readonly processes: LocalFacts['processes'] };
  }
}

/** Counts tests; a file that does not load and an error outside of every test count as failed. */
export function countingReporter(): { reporter: Reporter; count(): Count } {
  let total = NONE;
  return {
    reporter: {
      onTestRunEnd(modules: readonly TestModule[], errors) {
        const states = modules.flatMap((module) => [...module.children.allTests()].map((each) => each.result().state));
        const broken = modules.filter((module) => module.errors().length > 0).length + errors.length;
        const count = (state: string): number => states.filter((each) => each === state).length;
        total = { passed: count('passed'), failed: count('failed') + broken };
      },
    },
    count: () => total,
  };
}

export const NONE: Count = { passed: 0, failed: 0 };

export const sum = (a: Count, b: Count): Count => ({ passed: a.passed + b.passed, failed: a.failed + b.failed });

function finish(own: Count, result: RunResult | null, { json }: RunFlags, output: Output): number {
  const checks = result ? checksOf(result.report).filter(isSelected) : [];
  const held = checks.filter(({ status }) => status === 'passed' || status === 'skipped').length;
  const all = sum(own, { passed: held, failed: checks.length - held });
  const line = `tests: ${all.passed} passed, ${all.failed} failed`;
  if (!result) {
    output.result(line);
    return own.failed > 0 ? 1 : own.passed > 0 ? 0 : 3;
  }
  output.result(json ? result.text : `${line}\n${result.text}`);
  return own.failed > 0 ? 1 : result.exitCode;
}
