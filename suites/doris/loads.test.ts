import { suite } from '../../helpers/check/suite.ts';
import { type DorisClient, loadFailure, service } from '../../helpers/connect/doris.ts';
import { Finding } from '../../helpers/diagnose/finding.ts';
import { until } from '../../helpers/poll.ts';
import type { LoadAnswer } from '../../helpers/wire/stream-load.ts';

const check = suite(service);

const ROWS = Array.from({ length: 100 }, (_, k) => ({ k, v: `value-${k}` }));

const newTable = (doris: DorisClient, database: string, signal: AbortSignal) =>
  doris.createTable(
    { database, table: 't', columns: 'k BIGINT, v VARCHAR(64)', model: 'DUPLICATE KEY(k)', by: 'k' },
    signal,
  );

const countRows = async (doris: DorisClient, database: string, signal: AbortSignal): Promise<number> => {
  const [row] = await doris.query(`SELECT count(*) AS loaded FROM \`${database}\`.t`, signal);
  return Number(row?.loaded);
};

/** `Publish Timeout` is a success that is seen later: never to be sent again under another label. */
function requireSuccess({ body, by }: LoadAnswer): void {
  if (body.Status !== 'Success' && body.Status !== 'Publish Timeout')
    throw new Finding(loadFailure(body, by, `BE at ${by}`));
}

/** What was committed may be seen some moments later; the check's deadline bounds the wait. */
const seen = (doris: DorisClient, database: string, rows: number, signal: AbortSignal): Promise<number> =>
  until(
    async () => {
      const count = await countRows(doris, database, signal);
      return count >= rows ? count : undefined;
    },
    AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
  ).catch(() => countRows(doris, database, signal));

check(
  'doris.streamload.round-trip',
  {
    level: 'round-trip',
    claim: 'A stream load by way of the FE is led to a BE, loads every row and filters none, and a query sees them',
    writes: ['database'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'compare the answer of the BE with the table; look at be.INFO for the label',
    },
  },
  async ({ doris, scratch, signal, expect, observe }) => {
    const database = scratch.name('database', 'load');
    await newTable(doris, database, signal);
    const label = `${database}-first`;
    const answer = await doris.streamLoad({ database, table: 't', label, rows: ROWS }, signal);
    const { body, by, redirects, continued } = answer;
    observe({ label, by, redirects, continued, status: String(body.Status) });
    requireSuccess(answer);
    expect(body.NumberLoadedRows, 'rows loaded of 100 sent').toBe(100);
    expect(body.NumberFilteredRows, 'rows filtered').toBe(0);
    const count = await seen(doris, database, 100, signal);
    expect(count, 'rows that a query sees of 100 loaded').toBe(100);
    const [sum] = await doris.query(`SELECT sum(k) AS total, max(v) AS last FROM \`${database}\`.t`, signal);
    expect([Number(sum?.total), sum?.last], 'sum of the keys and greatest value').toEqual([4_950, 'value-99']);
    return { loaded: 100, seen: count };
  },
);

check(
  'doris.label.exactly-once',
  {
    level: 'semantics',
    claim:
      'A load that is sent again under its label is refused and changes nothing; under another label it loads again',
    writes: ['database'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for a proxy that takes the label header out; labels are kept for label_keep_max_second, three days',
    },
  },
  async ({ doris, scratch, signal, expect, observe }) => {
    const database = scratch.name('database', 'label');
    await newTable(doris, database, signal);
    const load = (label: string) =>
      doris.streamLoad({ database, table: 't', label: `${database}-${label}`, rows: ROWS }, signal);
    requireSuccess(await load('once'));
    const { body } = await load('once');
    observe({ second: String(body.Status), existingJob: String(body.ExistingJobStatus) });
    expect(body.Status, 'status of the second load under one label').toBe('Label Already Exists');
    expect(body.ExistingJobStatus, 'status of the first load, as the second is told').toBe('FINISHED');
    expect(await seen(doris, database, 100, signal), 'rows after the same label twice').toBe(100);
    requireSuccess(await load('twice'));
    const rows = await seen(doris, database, 200, signal);
    expect(rows, 'rows after another label').toBe(200);
    return { rows };
  },
);

check(
  'doris.streamload.2pc',
  {
    level: 'semantics',
    claim: 'Rows of a two-phase load are seen only when it is committed, and never when it is aborted',
    writes: ['database'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for a proxy that takes the two_phase_commit header out, then at SHOW TRANSACTION for the label',
    },
  },
  async ({ doris, scratch, signal, expect, fail, observe }) => {
    const database = scratch.name('database', 'phases');
    await newTable(doris, database, signal);
    const prepare = async (label: string): Promise<number> => {
      const headers = { two_phase_commit: 'true' };
      const first = { database, table: 't', label: `${database}-${label}`, rows: ROWS, headers };
      const answer = await doris.streamLoad(first, signal);
      requireSuccess(answer);
      return Number(answer.body.TxnId);
    };
    const end = async (txn: number, verb: 'commit' | 'abort'): Promise<void> => {
      const { body, by } = await doris.finish(database, 't', txn, verb, signal);
      if (body.status !== 'Success') fail(loadFailure(body, by, `BE at ${by}`));
    };
    const [aborted, committed] = [await prepare('abort'), await prepare('commit')];
    observe({ aborted, committed });
    expect(await countRows(doris, database, signal), 'rows seen before the second phase').toBe(0);
    await end(aborted, 'abort');
    expect(await countRows(doris, database, signal), 'rows seen after the abort').toBe(0);
    await end(committed, 'commit');
    const rows = await seen(doris, database, 100, signal);
    expect(rows, 'rows seen after the commit').toBe(100);
    return { rows };
  },
);

check(
  'doris.txn.atomic-load',
  {
    level: 'semantics',
    claim: 'A load with one bad row among a hundred fails as a whole and leaves no row behind',
    writes: ['database'],
    otherwise: { class: 'data-wrong', remedy: 'look for a default max_filter_ratio that tolerates bad rows' },
  },
  async ({ doris, scratch, signal, expect, observe }) => {
    const database = scratch.name('database', 'atomic');
    await newTable(doris, database, signal);
    const rows = [...ROWS.slice(1), { k: 'not a number', v: 'value-bad' }];
    const headers = { strict_mode: 'true' };
    const { body } = await doris.streamLoad({ database, table: 't', label: `${database}-bad`, rows, headers }, signal);
    observe({ status: String(body.Status), filtered: Number(body.NumberFilteredRows), message: String(body.Message) });
    expect(body.Status, 'status of a load with a bad row').toBe('Fail');
    const left = await countRows(doris, database, signal);
    expect(left, 'rows left of a load that failed').toBe(0);
    return { rows: left };
  },
);
