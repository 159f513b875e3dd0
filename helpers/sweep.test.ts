import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { evidenceOf, passed } from '../reports/evidence.fixture.ts';
import { beginLedger, openScratch, readLedger, scratchPrefix } from './scratch.ts';
import type { ScratchEntry, Service } from './service.ts';
import { type SweepOptions, sweep } from './sweep.ts';

const NOW = Date.parse('2026-11-24T15:00:00Z');
const OWN = '20261124145900-aaaa';
const KILLED = '20261124120000-bbbb';
const YOUNG = '20261124143000-cccc';
const AT = ['kafka-0:9092'];

const { phase } = evidenceOf([{ id: 'kafka', weight: 1, checks: [['kafka.reach', 'reach', passed()]] }]);
const [component] = phase.components;
const here = { ...phase, components: component ? [{ ...component, endpoints: { bootstrap: AT } }] : [] };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-sweep-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A service that holds these topics, and removes what it is told to. */
function serviceWith(topics: Set<string>, fails?: Error): Service {
  return {
    type: 'kafka',
    title: 'Kafka',
    unit: 'pods',
    weight: 1,
    endpoints: {},
    needs: [],
    door: 'kafka.reach',
    settings: z.object({}),
    knock: () => Promise.reject(new Error('is not knocked at here')),
    open: async () => {
      if (fails) throw fails;
      return { [Symbol.asyncDispose]: async () => undefined };
    },
    diagnose: () => null,
    sweep: async (_, entries) => {
      for (const { name } of entries) topics.delete(name);
      return entries.filter(({ name }) => name.endsWith('locked')).map((entry) => ({ entry, why: 'locked' }));
    },
    present: async () => [...topics].map((name) => ({ kind: 'topic', name })),
  };
}

const topic = (run: string, label = 'records'): string => `${scratchPrefix(run)}kafka-${label}`;

/** The ledger of a run whose process is gone. */
function abandoned(path: string, run: string, local: boolean, endpoints: readonly string[]): string {
  const file = beginLedger(path, run, local, { kafka: [...endpoints] });
  const head = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, `${JSON.stringify({ ...head, pid: process.ppid, identity: 'of an earlier process' })}\n`);
  openScratch(file, run, 'kafka').name('topic', 'records');
  return file;
}

function options(path: string, service: Service, rest: Partial<SweepOptions> = {}): SweepOptions {
  const own = beginLedger(path, OWN, false, { kafka: AT });
  openScratch(own, OWN, 'kafka').name('topic', 'records');
  return {
    phase: here,
    secrets: new Map(),
    services: new Map([['kafka', service]]),
    reachable: new Set(['kafka']),
    folder: path,
    own,
    now: NOW,
    progress: () => undefined,
    ...rest,
  };
}

describe('the sweep', () => {
  test('removes what the run created, and its ledger with it', async () => {
    const topics = new Set([topic(OWN), 'orders']);
    const asked = options(folder(), serviceWith(topics));
    expect(await sweep(asked)).toEqual({ created: 1, removed: 1, left: [] });
    expect([...topics]).toEqual(['orders']);
    expect(existsSync(asked.own)).toBe(false);
  });

  test('removes what a killed run left at the same endpoints, and leaves that of other endpoints to whoever goes there', async () => {
    const path = folder();
    const topics = new Set([topic(OWN), topic(KILLED), topic(YOUNG)]);
    const same = abandoned(path, KILLED, false, AT);
    const other = abandoned(path, YOUNG, false, ['elsewhere:9092']);
    await sweep(options(path, serviceWith(topics)));
    expect([...topics]).toEqual([topic(YOUNG)]);
    expect([existsSync(same), existsSync(other)]).toEqual([false, true]);
  });

  test('forgets what went with a local platform, in a run on a local platform only', async () => {
    const path = folder();
    const gone = abandoned(path, KILLED, true, ['127.0.0.1:1']);
    await sweep(options(path, serviceWith(new Set())));
    expect(existsSync(gone)).toBe(true);
    await sweep(options(path, serviceWith(new Set()), { phase: { ...here, local: true } }));
    expect(existsSync(gone)).toBe(false);
  });

  test('removes scratch of ours without a ledger once it is hours old, and nothing that is not sealed as ours', async () => {
    const forged = topic(KILLED).replace(/-[0-9a-f]{6}-kafka/, '-000000-kafka');
    const topics = new Set([topic(OWN), topic(KILLED), topic(YOUNG), forged, 'assay-orders']);
    await sweep(options(folder(), serviceWith(topics)));
    expect([...topics]).toEqual([topic(YOUNG), forged, 'assay-orders']);
  });

  test('asks nobody behind a closed door, and keeps the names for the next run', async () => {
    const asked = options(folder(), serviceWith(new Set(), new Error('must not be opened')), { reachable: new Set() });
    expect((await sweep(asked)).left).toEqual([]);
    expect(readLedger(asked.own)?.entries.map(({ name }) => name)).toEqual([topic(OWN)]);
  });

  test('tells what is left and why, and keeps it in the ledger', async () => {
    const asked = options(folder(), serviceWith(new Set()));
    const locked: ScratchEntry = {
      component: 'kafka',
      kind: 'topic',
      name: openScratch(asked.own, OWN, 'kafka').name('topic', 'locked'),
    };
    expect(await sweep(asked)).toEqual({ created: 2, removed: 1, left: [{ ...locked, why: 'locked' }] });
    expect(readLedger(asked.own)?.entries).toEqual([locked]);
  });

  test('tells of everything where the service can not be opened any more', async () => {
    const asked = options(folder(), serviceWith(new Set(), new Error('gone away')));
    expect(await sweep(asked)).toMatchObject({
      created: 1,
      removed: 0,
      left: [{ name: topic(OWN), why: 'Error: gone away' }],
    });
  });
});
