import { type ParseArgsConfig, parseArgs } from 'node:util';
import { LEVELS, type Level } from '../../reports/model.ts';
import { closest } from '../phase/suggest.ts';
import { UsageError } from './usage-error.ts';

/** What a run is asked to do, however it was started. */
export interface RunFlags {
  readonly phase: string | null;
  readonly out: string | null;
  readonly env: string | null;
  readonly baseline: string | null;
  readonly only: readonly string[];
  readonly levels: readonly Level[];
  readonly readOnly: boolean;
  readonly disrupt: boolean;
  readonly json: boolean;
  /** Keeps this run as the state before the phase: what later runs are compared with. */
  readonly snapshot: boolean;
  /** Writes waivers for all that does not hold now. */
  readonly adopt: boolean;
  /** Prints what would be asked, and asks nothing. */
  readonly list: boolean;
  readonly evidence: 'full' | 'minimal';
  readonly shard: { readonly index: number; readonly of: number } | null;
  readonly waitMs: number | null;
  readonly deadlineMs: number | null;
  /** The time that a local phase is judged at, in place of now. */
  readonly now: Date | null;
}

const FLAGS = {
  phase: { type: 'string' },
  out: { type: 'string' },
  env: { type: 'string' },
  baseline: { type: 'string' },
  only: { type: 'string', multiple: true },
  level: { type: 'string', multiple: true },
  'read-only': { type: 'boolean' },
  disrupt: { type: 'boolean' },
  json: { type: 'boolean' },
  snapshot: { type: 'boolean' },
  adopt: { type: 'boolean' },
  list: { type: 'boolean' },
  evidence: { type: 'string' },
  shard: { type: 'string' },
  wait: { type: 'string' },
  deadline: { type: 'string' },
  now: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/** Flags of start and gate, and of test up to what it passes on to vitest. */
export function runFlags(argv: readonly string[], env: NodeJS.ProcessEnv): RunFlags {
  const values = parsed(argv, FLAGS);
  return {
    phase: values.phase ?? env.PHASE ?? null,
    out: values.out ?? null,
    env: values.env ?? env.ASSAY_ENV ?? null,
    baseline: values.baseline ?? null,
    only: list(values.only),
    levels: list(values.level).map(level),
    readOnly: values['read-only'] ?? false,
    disrupt: values.disrupt ?? false,
    json: values.json ?? false,
    snapshot: values.snapshot ?? false,
    adopt: values.adopt ?? false,
    list: values.list ?? false,
    evidence: evidenceKind(values.evidence ?? 'full'),
    shard: values.shard === undefined ? null : shard(values.shard),
    waitMs: values.wait === undefined ? null : wait(values.wait),
    deadlineMs: values.deadline === undefined ? null : duration('--deadline', values.deadline),
    now: values.now === undefined ? null : instant(values.now),
  };
}

/** `test` takes vitest's filters and options as well: ours are taken out, the rest is vitest's. */
export function splitTestArguments(argv: readonly string[]): { ours: string[]; vitest: string[] } {
  const ours: string[] = [];
  const vitest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    const name = /^--([a-z-]+)/.exec(argument)?.[1] ?? '';
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name as keyof typeof FLAGS] : undefined;
    if (!flag) {
      vitest.push(argument);
      continue;
    }
    ours.push(argument);
    const next = argv[i + 1];
    if (flag.type === 'string' && !argument.includes('=') && next !== undefined) {
      ours.push(next);
      i++;
    }
  }
  return { ours, vitest };
}

function parsed<T extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T; strict: true }>>['values'] {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const unknown = /Unknown option '(--?[^']+)'/.exec(String(error))?.[1];
    if (unknown === undefined) throw new UsageError(firstSentence(error));
    const near = closest(unknown.replace(/^-+/, ''), Object.keys(options));
    throw new UsageError(
      `unknown flag ${unknown}.${near === null ? '' : ` Did you mean --${near}?`} The flags are ${flagNames(options)}.`,
    );
  }
}

const flagNames = (options: object): string =>
  Object.keys(options)
    .map((name) => `--${name}`)
    .join(', ');

const firstSentence = (error: unknown): string =>
  error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error);

const list = (values: readonly string[] | undefined): string[] =>
  (values ?? [])
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter(Boolean);

function level(name: string): Level {
  const known = LEVELS.find((each) => each === name);
  if (known) return known;
  const near = closest(name, LEVELS);
  throw new UsageError(
    `--level ${name}: no such level.${near === null ? '' : ` Did you mean ${near}?`} The levels are ${LEVELS.join(', ')}.`,
  );
}

function evidenceKind(kind: string): RunFlags['evidence'] {
  if (kind === 'full' || kind === 'minimal') return kind;
  throw new UsageError(`--evidence ${kind}: write full, or minimal to leave bodies out and hash names`);
}

function shard(text: string): NonNullable<RunFlags['shard']> {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (index === undefined || Number(index) < 1 || Number(index) > Number(of))
    throw new UsageError(`--shard ${text}: write it like 1/4, the first of four`);
  return { index: Number(index), of: Number(of) };
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** After two hours another run takes our scratch for a leftover (helpers/sweep.ts): what comes after the wait must have time before. */
const LONGEST_WAIT_MS = 90 * 60_000;

function wait(text: string): number {
  const ms = duration('--wait', text);
  if (ms <= LONGEST_WAIT_MS) return ms;
  throw new UsageError(`--wait ${text}: longer than 90m. Wait for the deployment first, then start the gate.`);
}

function instant(text: string): Date {
  const at = new Date(text);
  if (/^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(at.getTime())) return at;
  throw new UsageError(`--now ${text}: write it like 2025-10-24T04:35:00Z`);
}

/** `90s`, `10m`, `1h30m` in milliseconds. */
export function duration(flag: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([smh])/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text)
    throw new UsageError(`${flag} ${text}: not a duration. Write it like 90s, 10m or 1h30m.`);
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? 's'] ?? 0), 0);
}
