import type { CliOptions, InlineConfig, Vitest } from 'vitest/node';
import { BUDGETS } from '../budgets.ts';
import { ROOT } from '../catalogue.ts';
import { UsageError } from './usage-error.ts';

/** Node runs our files as they are, so vitest need not transform them: half of its start is saved. */
const native: InlineConfig = { experimental: { viteModuleRunner: false } };

const WITHOUT_TIMEOUT = 2 ** 31 - 1;

const CHECKS = {
  pool: 'threads',
  isolate: false,
  maxConcurrency: 1_000,
  testTimeout: WITHOUT_TIMEOUT,
  hookTimeout: BUDGETS.attempt,
  retry: 0,
} as const satisfies InlineConfig;

/** The kinds of test in the repo, each with how it is run. vitest.config.ts shows the first two to editors. */
export const PROJECTS = {
  unit: {
    name: 'unit',
    include: ['reports/**/*.test.ts', 'helpers/**/*.test.ts', 'fixtures/**/*.test.ts'],
    exclude: ['**/*.drill.test.ts'],
  },
  /** Checks: attempts and deadlines are theirs, not vitest's; all at once, bounded by the check API. */
  suites: {
    name: 'suites',
    include: ['suites/**/*.test.ts'],
    exclude: ['**/performance.test.ts', '**/disruption.test.ts'],
    ...CHECKS,
    maxWorkers: 4,
  },
  /** After all the others, so that they do not disturb what is measured. */
  performance: {
    name: 'performance',
    include: ['suites/**/performance.test.ts'],
    exclude: [],
    ...CHECKS,
    maxWorkers: 1,
    sequence: { groupOrder: 1 },
  },
  /** Last, because they disturb everything. */
  disruption: {
    name: 'disruption',
    include: ['suites/**/disruption.test.ts'],
    exclude: [],
    ...CHECKS,
    maxWorkers: 1,
    sequence: { groupOrder: 2 },
  },
  /** One proof of a component at a time: faults of two would blur. */
  proofs: {
    name: 'proofs',
    include: ['suites/**/*.proof.ts'],
    pool: 'threads',
    isolate: true,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    retry: 0,
  },
  /** The launcher from outside: killed, paused, starved. One at a time, on a running platform. */
  drills: {
    name: 'drills',
    include: ['helpers/**/*.drill.test.ts'],
    pool: 'threads',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
} as const satisfies Readonly<Record<string, InlineConfig & { readonly name: string }>>;

export type Project = keyof typeof PROJECTS;

/** What is run together, group by group. */
const GROUPS: Readonly<Record<'unit' | 'suites' | 'all-suites' | 'proofs' | 'drills', readonly Project[]>> = {
  unit: ['unit'],
  suites: ['suites', 'performance'],
  'all-suites': ['suites', 'performance', 'disruption'],
  proofs: ['proofs'],
  drills: ['drills'],
};
export type Group = keyof typeof GROUPS;

/** vitest for one group of tests, without the listeners by which it would end the process on Ctrl-C before anything is swept. */
export async function openVitest(
  group: Group,
  reporters: NonNullable<CliOptions['reporters']>,
  testNamePattern?: string,
): Promise<Vitest> {
  const { createVitest } = await import('vitest/node');
  const before = { SIGINT: process.listeners('SIGINT'), SIGTERM: process.listeners('SIGTERM') };
  const options: CliOptions = {
    ...native,
    projects: GROUPS[group].map((name) => ({ test: { ...native, ...(PROJECTS[name] as InlineConfig) } })),
    config: false as never,
    root: ROOT,
    watch: false,
    passWithNoTests: true,
    reporters,
    ...(testNamePattern === undefined ? {} : { testNamePattern }),
  };
  const vitest = await createVitest(options, {}, { stdout: process.stderr, stderr: process.stderr });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    for (const listener of process.listeners(signal))
      if (!before[signal].includes(listener)) process.off(signal, listener);
  return vitest;
}

/**
 * Runs until the end or, once told to stop, until the bodies in flight had their time. Closes vitest in either case.
 * vitest sets the exit code by its own lights; ours comes from the verdict.
 */
export async function runVitest(vitest: Vitest, filters: readonly string[], stop: AbortSignal): Promise<void> {
  const { promise: cut, resolve } = Promise.withResolvers<void>();
  const onStop = (): void => {
    void vitest.cancelCurrentRun('keyboard-input').catch(() => undefined);
    setTimeout(resolve, BUDGETS.cancel + BUDGETS.close).unref();
  };
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });
  try {
    await Promise.race([vitest.start([...filters]).then(() => undefined), cut]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'VITEST_FILES_NOT_FOUND')
      throw new UsageError(`there is no test at ${filters.join(', ')}`);
    throw error;
  } finally {
    stop.removeEventListener('abort', onStop);
    await Promise.race([vitest.close(), new Promise((done) => setTimeout(done, BUDGETS.close).unref())]);
    process.exitCode = undefined;
  }
}
