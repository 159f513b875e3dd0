import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { processIdentity } from './process-identity.ts';
import type { ScratchEntry } from './service.ts';

const PREFIX = 'assay';

/** A run's id: its start to the second in UTC, and four hex digits against a twin. */
export function newRunId(now: Date): string {
  const stamp = now.toISOString().replace(/\D/g, '').slice(0, 14);
  return `${stamp}-${randomBytes(2).toString('hex')}`;
}

const seal = (runId: string): string => createHash('sha256').update(`${PREFIX} ${runId}`).digest('hex').slice(0, 6);

/** What every name of a run begins with. The seal after the id is computed from it, so that a name that only looks alike is told apart. */
export const scratchPrefix = (runId: string): string => `${PREFIX}-${runId}-${seal(runId)}-`;

/** The run that made this name, and when; null for every name that no run of ours made. */
export function scratchOwner(name: string): { runId: string; startedAt: Date } | null {
  const match = /^assay-((\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-[0-9a-f]{4})-([0-9a-f]{6})-/.exec(name);
  if (!match) return null;
  const [, runId = '', y, mo, d, h, mi, s, given] = match;
  if (seal(runId) !== given) return null;
  return { runId, startedAt: new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`) };
}

/** Hands out names for what a check creates. A name is on disk before its object can exist. */
export interface Scratch {
  /**
   * The name for this label, the same for every check of the component in this run.
   * @param kind what the service calls it: topic, group, index
   */
  name(kind: string, label: string): string;
}

/** @param stage sets the names of one stage of a proof apart; absent in a run */
export function openScratch(ledger: string, runId: string, component: string, stage?: string): Scratch {
  const handed = new Set<string>();
  return {
    name(kind, label) {
      const name = [`${scratchPrefix(runId)}${component}`, ...(stage === undefined ? [] : [stage]), label].join('-');
      if (!handed.has(`${kind} ${name}`)) {
        handed.add(`${kind} ${name}`);
        appendFileSync(ledger, `${JSON.stringify({ component, kind, name })}\n`);
      }
      return name;
    },
  };
}

const Head = z.object({
  runId: z.string(),
  pid: z.number().int(),
  identity: z.string().nullable(),
  local: z.boolean(),
  /** Component id to the endpoints that its objects are at. */
  endpoints: z.record(z.string(), z.array(z.string())),
});
const Entry = z.object({ component: z.string(), kind: z.string(), name: z.string() });
type LedgerHead = z.infer<typeof Head>;

export interface Ledger {
  readonly file: string;
  readonly head: LedgerHead;
  readonly entries: readonly ScratchEntry[];
}

/** Begins this run's ledger; every worker appends to the file that it names. */
export function beginLedger(folder: string, runId: string, local: boolean, endpoints: LedgerHead['endpoints']): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${runId}.jsonl`);
  const head: LedgerHead = { runId, pid: process.pid, identity: processIdentity(process.pid), local, endpoints };
  writeFileSync(file, `${JSON.stringify(head)}\n`);
  return file;
}

/** What a ledger says. A last line cut short by a kill names nothing that exists: names are written whole before use. */
export function readLedger(file: string): Ledger | null {
  const rows = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const parse = (row: string): unknown => {
    try {
      return JSON.parse(row);
    } catch {
      return null;
    }
  };
  const head = Head.safeParse(parse(rows[0] ?? ''));
  if (!head.success) return null;
  const entries = rows.slice(1).flatMap((row) => {
    const entry = Entry.safeParse(parse(row));
    return entry.success ? [entry.data] : [];
  });
  return { file, head: head.data, entries: dedupe(entries) };
}

const dedupe = (entries: readonly ScratchEntry[]): ScratchEntry[] => [
  ...new Map(entries.map((e) => [`${e.component} ${e.kind} ${e.name}`, e])).values(),
];

/** Ledgers of runs that ended without sweeping: their process is gone. */
export function abandonedLedgers(folder: string): Ledger[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readLedger(join(folder, name)) ?? [])
    .filter(({ head }) => head.pid !== process.pid && processIdentity(head.pid) !== head.identity);
}

/** Keeps only what is still left, or ends the ledger when nothing is. */
export function settleLedger(ledger: Ledger, left: readonly ScratchEntry[]): void {
  if (left.length === 0) rmSync(ledger.file, { force: true });
  else writeFileSync(ledger.file, [ledger.head, ...left].map((row) => `${JSON.stringify(row)}\n`).join(''));
}
