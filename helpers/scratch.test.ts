import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import {
  abandonedLedgers,
  beginLedger,
  newRunId,
  openScratch,
  readLedger,
  scratchOwner,
  scratchPrefix,
  settleLedger,
} from './scratch.ts';

const RUN = '20261124120000-abcd';

function ledgerFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'assay-ledger-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a run knows its own names, and when it made them', () => {
  const at = new Date('2026-11-24T12:34:56.789Z');
  const id = newRunId(at);
  expect(scratchOwner(`${scratchPrefix(id)}kafka-records`)).toEqual({
    runId: id,
    startedAt: new Date('2026-11-24T12:34:56Z'),
  });
});

test('no name that only looks alike is taken for ours', () => {
  const ours = `${scratchPrefix(RUN)}kafka-records`;
  for (const name of [
    'assay-records',
    `x${ours}`,
    ours.replace('abcd', 'abce'),
    ours.replace(/-[0-9a-f]{6}-/, '-000000-'),
    'assay-20261124120000-abcd-kafka',
  ])
    expect(scratchOwner(name), name).toBeNull();
  fc.assert(fc.property(fc.string(), (name) => scratchOwner(name) === null));
});

test('a name is in the ledger before it is handed out, once, however often it is asked for', () => {
  const file = beginLedger(ledgerFolder(), RUN, true, { kafka: ['a:1'] });
  const scratch = openScratch(file, RUN, 'kafka');
  const name = scratch.name('topic', 'records');
  expect(scratch.name('topic', 'records')).toBe(name);
  expect(readLedger(file)?.entries).toEqual([{ component: 'kafka', kind: 'topic', name }]);
});

test('a ledger that was cut in the middle of a line still tells the lines before it', () => {
  const file = beginLedger(ledgerFolder(), RUN, true, {});
  openScratch(file, RUN, 'kafka').name('topic', 'records');
  writeFileSync(file, `${readFileSync(file, 'utf8')}{"component":"kaf`);
  expect(readLedger(file)?.entries).toHaveLength(1);
});

test('the ledger of a living run is nobody else’s; that of a dead one is abandoned', () => {
  const folder = ledgerFolder();
  const file = beginLedger(folder, RUN, true, {});
  const head = JSON.parse(readFileSync(file, 'utf8'));
  expect(abandonedLedgers(folder)).toEqual([]);
  writeFileSync(file, `${JSON.stringify({ ...head, pid: process.ppid, identity: 'of an earlier process' })}\n`);
  expect(abandonedLedgers(folder)).toHaveLength(1);
});

test('a settled ledger keeps what is left, and is gone when nothing is', () => {
  const folder = ledgerFolder();
  const file = beginLedger(folder, RUN, true, {});
  const scratch = openScratch(file, RUN, 'kafka');
  scratch.name('topic', 'a');
  scratch.name('topic', 'b');
  const ledger = readLedger(file);
  if (!ledger) throw new Error('unreadable');
  settleLedger(ledger, ledger.entries.slice(1));
  expect(readLedger(file)?.entries).toEqual(ledger.entries.slice(1));
  settleLedger(ledger, []);
  expect(() => readLedger(file)).toThrow(/ENOENT/);
});
