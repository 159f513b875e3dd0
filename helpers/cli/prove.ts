import type { Catalogue, Cleanup, Phase } from '../../reports/model.ts';
import '../../reports/proof-meta.ts';
import type { ProofMeta } from '../../reports/proof-meta.ts';
import { plural } from '../../reports/words.ts';
import type { Handout } from '../check/handout.ts';
import { beginLedger, newRunId } from '../scratch.ts';
import { sweep } from '../sweep.ts';
import { runFlags, splitTestArguments } from './flags.ts';
import { isLocal, LOCAL_PHASE, localPlatform } from './local-platform.ts';
import type { Output } from './output.ts';
import { prepare, suiteType } from './prepare.ts';
import { LEDGERS } from './run.ts';
import { stopOnSignals } from './stop.ts';
import { askedOf, type Count, countingReporter, NONE, sum } from './test.ts';
import { UsageError } from './usage-error.ts';
import { openVitest, runVitest } from './vitest-runs.ts';

interface Proven {
  readonly meta: ProofMeta;
  readonly passed: boolean;
}

/** What proofs are made against, in words. */
const STANDS = { real: 'real services', scripted: 'scripted peers before them', double: 'doubles' } as const;
type Stand = keyof typeof STANDS;

/** Components whose proofs run side by side. Those of one run one by one: two faults in one component would blur. */
const AT_ONCE = 2;

/**
 * Shows of every check that it can fail: it passes without its fault, and under it fails with the right diagnosis. Exit code 1 where a proof
 * does not hold, or where a check has none.
 */
export async function prove(argv: readonly string[], output: Output): Promise<number> {
  const { ours, vitest: rest } = splitTestArguments(argv);
  const flags = runFlags(ours, {});
  const [foreign] = ours.filter((each) => each.startsWith('--') && !/^--(deadline|phase)(=|$)/.test(each));
  const phaseFile = flags.phase ?? LOCAL_PHASE;
  if (foreign !== undefined)
    throw new UsageError(
      `prove does not take ${foreign}: it breaks the local platform, with every check of the paths that it is given`,
    );
  if (!isLocal(phaseFile)) throw new UsageError(`prove breaks what it proves: ${phaseFile} is not \`local: true\``);
  const asked = await askedOf(rest);
  if (asked.own.length > 0) throw new UsageError(`prove takes paths under suites/, not ${asked.own.join(', ')}`);
  const named = asked.suites.map(suiteType);
  const only = named.length === 0 || named.includes(null) ? null : named.filter((type) => type !== null);
  using stop = stopOnSignals(flags.deadlineMs, output.progress);
  await using local = await localPlatform(phaseFile, only, output, stop);
  const { phase, secrets, services, catalogue } = await prepare(
    { phaseFile, flags, local, paths: [], pattern: null },
    output,
  );
  const types = [...new Set(phase.components.map(({ type }) => type))].filter((type) => only?.includes(type) ?? true);
  const startedAt = new Date();
  const runId = newRunId(startedAt);
  const endpoints = Object.fromEntries(phase.components.map((each) => [each.id, Object.values(each.endpoints).flat()]));
  const ledger = beginLedger(LEDGERS, runId, true, endpoints);

  const proofs: Proven[] = [];
  const handout: Handout = {
    runId,
    startedAt: startedAt.getTime(),
    phase,
    secrets: Object.fromEntries(secrets),
    doors: [],
    cluster: null,
    readOnly: false,
    disrupt: true,
    selection: { only: [], levels: [] },
    ledger,
    proving: true,
    local: { env: local.env, processes: local.processes },
  };
  const proveAt = async (paths: readonly string[]): Promise<Count> => {
    const counter = countingReporter();
    const vitest = await openVitest(
      'proofs',
      [
        counter.reporter,
        {
          onTestCaseResult(test) {
            const { proof: meta } = test.meta();
            if (!meta) return;
            const { state, errors } = test.result();
            proofs.push({ meta, passed: state === 'passed' });
            output.progress(`  ${state.padEnd(8)} ${test.name}, ${Math.round(test.diagnostic()?.duration ?? 0)} ms`);
            for (const error of errors ?? []) output.progress(`    ${error.message}`);
          },
          onTestRunEnd(modules, errors) {
            for (const error of [...modules.flatMap((module) => module.errors()), ...errors])
              output.progress(`  broken   ${error.message}`);
          },
        },
      ],
      asked.pattern ?? undefined,
    );
    for (const project of vitest.projects) project.provide('assay', handout);
    await runVitest(vitest, paths, stop.signal);
    return counter.count();
  };
  const single = asked.suites.some((path) => path.endsWith('.ts'));
  const size = (type: string): number => catalogue[type]?.length ?? 0;
  const batches = single
    ? [asked.suites]
    : [...types].sort((a, b) => size(b) - size(a)).map((type) => [`suites/${type}/`]);
  const count = (await abreast(batches, AT_ONCE, proveAt)).reduce(sum, NONE);
  const cleanup = await sweep({
    phase,
    secrets,
    services,
    reachable: new Set(phase.components.map(({ id }) => id)),
    folder: LEDGERS,
    own: ledger,
    now: Date.now(),
    progress: output.progress,
  });

  const unfit = local.missing.size > 0 || stop.reason() !== null || proofs.length === 0;
  const whole = asked.pattern === null && !single;
  const verdict = summary(phase, types, catalogue, proofs, cleanup, whole, count.failed);
  output.result(
    `${verdict.text}\ntests: ${count.passed} passed, ${count.failed} failed\nexit ${unfit ? 3 : verdict.exitCode} on ${phase.target.name} (${phase.target.path})`,
  );
  for (const [type, remedy] of local.missing) output.progress(`${type} could not be started: ${remedy}`);
  return unfit ? 3 : verdict.exitCode;
}

/** Results in the order of the items, of which so many are worked at together. */
async function abreast<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const next = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of next) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

function summary(
  phase: Phase,
  types: readonly string[],
  catalogue: Catalogue,
  proofs: readonly Proven[],
  cleanup: Cleanup,
  whole: boolean,
  failed: number,
): { text: string; exitCode: number } {
  const lines: string[] = [];
  let bare = 0;
  const doubles = new Set(phase.components.filter(({ stance }) => stance === 'double').map(({ type }) => type));
  const total: Record<Stand, { ids: number; proven: number }> = {
    real: { ids: 0, proven: 0 },
    scripted: { ids: 0, proven: 0 },
    double: { ids: 0, proven: 0 },
  };
  for (const type of types) {
    const checks = (catalogue[type] ?? []).map(({ id }) => {
      const all = proofs.filter(({ meta }) => meta.check === id);
      const own = all.filter(({ meta }) => meta.inapplicable === undefined);
      const stand = doubles.has(type) ? 'double' : own.some(({ meta }) => meta.scripted) ? 'scripted' : 'real';
      return { id, all, own, stand, proven: own.length > 0 && own.every(({ passed }) => passed) } as const;
    });
    for (const { stand, proven } of checks) {
      total[stand].ids++;
      if (proven) total[stand].proven++;
    }
    const scripted = checks.filter(({ stand, proven }) => stand === 'scripted' && proven).length;
    const elsewhere = checks.filter(({ all, own }) => all.length > 0 && own.length === 0).length;
    lines.push(
      [
        `${type}: ${checks.filter(({ proven }) => proven).length} of ${plural(checks.length, 'check')} proven able to fail`,
        ...(doubles.has(type) ? ['against a double'] : []),
        ...(scripted > 0 ? [`${scripted} of them against a scripted peer`] : []),
        ...(elsewhere > 0 ? [`${elsewhere} not applicable to this platform`] : []),
      ].join(', '),
    );
    for (const { id, all } of checks) {
      if (all.length === 0 && whole) {
        bare++;
        lines.push(` x ${id}: no proof`);
      }
      for (const { meta, passed } of all) {
        const mark = meta.inapplicable !== undefined ? '-' : passed ? '+' : 'x';
        const against = meta.scripted ? ', against a scripted peer' : '';
        const why = meta.inapplicable === undefined ? '' : `; not applicable here: ${meta.inapplicable}`;
        lines.push(` ${mark} ${id}: ${meta.expected} when ${meta.fault}${against}${why}`);
      }
    }
  }
  for (const [stand, { ids, proven }] of Object.entries(total))
    if (ids > 0) lines.push(`all against ${STANDS[stand as Stand]}: ${proven} of ${ids}`);
  for (const { kind, name, why } of cleanup.left) lines.push(` x left behind: ${kind} ${name}: ${why}`);
  lines.push(`cleanup: ${cleanup.created} created, ${cleanup.removed} removed`);
  return { text: lines.join('\n'), exitCode: failed > 0 || bare > 0 || cleanup.left.length > 0 ? 1 : 0 };
}
