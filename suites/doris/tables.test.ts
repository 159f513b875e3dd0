import { randomUUID } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { column, deadBackend } from '../../helpers/connect/doris/answers.ts';
import { service } from '../../helpers/connect/doris.ts';

const check = suite(service);

check(
  'doris.sql.round-trip',
  {
    level: 'round-trip',
    claim: 'Rows inserted by SQL come back as they were written, a number beyond 2^53 and text in any script included',
    writes: ['database'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'compare the rows in the evidence on each replica; look at be.INFO for checksum errors',
    },
  },
  async ({ doris, scratch, signal, expect, observe }) => {
    const database = scratch.name('database', 'sql');
    const columns = 'k BIGINT, v VARCHAR(64)';
    const { copies } = await doris.createTable(
      { database, table: 't', columns, model: 'DUPLICATE KEY(k)', by: 'k' },
      signal,
    );
    observe({ database, copies });
    const rows = ['1', '9007199254740993', '-9223372036854775808'].map((k) => ({ k, v: `value-${randomUUID()} ÄЖ漢` }));
    const values = rows.map(({ k, v }) => `(${k}, '${v}')`).join(', ');
    await doris.query(`INSERT INTO \`${database}\`.t VALUES ${values}`, signal);
    const back = await doris.query(`SELECT k, v FROM \`${database}\`.t ORDER BY k`, signal);
    const byKey = rows.toSorted((a, b) => (BigInt(a.k) < BigInt(b.k) ? -1 : 1));
    expect(back.length, 'rows read back of 3 inserted').toBe(3);
    expect(
      back.map(({ k, v }) => ({ k: String(k), v })),
      'rows read back differ from those inserted',
    ).toEqual(byKey);
    return { inserted: 3, readBack: back.length };
  },
);

check(
  'doris.model.unique',
  {
    level: 'semantics',
    claim: 'Of a UNIQUE KEY the last row written stands, alone',
    writes: ['database'],
    otherwise: { class: 'data-wrong', remedy: 'look whether the table was made with another key model' },
  },
  async ({ doris, scratch, signal, expect }) => {
    const database = scratch.name('database', 'unique');
    const properties = { enable_unique_key_merge_on_write: 'true' };
    const columns = 'k BIGINT, v BIGINT';
    await doris.createTable({ database, table: 't', columns, model: 'UNIQUE KEY(k)', by: 'k', properties }, signal);
    for (const values of ['(1, 10), (2, 20)', '(1, 11)', '(1, 12)'])
      await doris.query(`INSERT INTO \`${database}\`.t VALUES ${values}`, signal);
    const rows = await doris.query(`SELECT k, v FROM \`${database}\`.t ORDER BY k`, signal);
    const seen = rows.map(({ k, v }) => [Number(k), Number(v)]);
    expect(seen, 'rows by key after three writes').toEqual([
      [1, 12],
      [2, 20],
    ]);
    return { rows: seen };
  },
);

check(
  'doris.model.aggregate',
  {
    level: 'semantics',
    claim: 'An AGGREGATE KEY keeps one row for each key, with the sum and the maximum of all that was loaded',
    writes: ['database'],
    otherwise: { class: 'data-wrong', remedy: 'look whether the table was made with another key model' },
  },
  async ({ doris, scratch, signal, expect }) => {
    const database = scratch.name('database', 'aggregate');
    const columns = 'k BIGINT, v BIGINT SUM, m BIGINT MAX';
    await doris.createTable({ database, table: 't', columns, model: 'AGGREGATE KEY(k)', by: 'k' }, signal);
    for (const values of ['(1, 5, 7), (2, 1, 1)', '(1, 6, 3)'])
      await doris.query(`INSERT INTO \`${database}\`.t VALUES ${values}`, signal);
    const rows = await doris.query(`SELECT k, v, m FROM \`${database}\`.t ORDER BY k`, signal);
    const seen = rows.map(({ k, v, m }) => [Number(k), Number(v), Number(m)]);
    expect(seen, 'key, sum and maximum after two loads').toEqual([
      [1, 11, 7],
      [2, 1, 1],
    ]);
    return { rows: seen };
  },
);

/** Before it only queries by key of some tables could be prepared. Source: apache/doris#36581. */
const PREPARES_SINCE = [2, 1, 5] as const;

check(
  'doris.prepared',
  {
    level: 'semantics',
    claim: 'A statement prepared by the FE finds the right row by its parameter, with BIGINT and VARCHAR as declared',
    writes: ['database'],
    otherwise: { class: 'data-wrong', remedy: 'compare with the same query as text; look at fe.log for the statement' },
  },
  async ({ doris, scratch, signal, expect, skip }) => {
    const release =
      /doris-(\d+)\.(\d+)\.(\d+)/
        .exec(doris.build ?? '')
        ?.slice(1)
        .map(Number) ?? [];
    const [differs = 0] = release.map((part, at) => part - (PREPARES_SINCE[at] ?? 0)).filter((part) => part !== 0);
    if (differs < 0) skip('build', doris.build);
    const database = scratch.name('database', 'prepared');
    const columns = 'k BIGINT, v VARCHAR(64)';
    await doris.createTable({ database, table: 't', columns, model: 'DUPLICATE KEY(k)', by: 'k' }, signal);
    const nonce = `value-${randomUUID()}`;
    await doris.query(
      `INSERT INTO \`${database}\`.t VALUES (1, 'value-other'), (9007199254740993, '${nonce}')`,
      signal,
    );
    const sql = `SELECT k, v FROM \`${database}\`.t WHERE k = ?`;
    const rows = await doris.execute(sql, ['9007199254740993'], signal);
    expect(rows, 'rows found by the parameter').toEqual([{ k: '9007199254740993', v: nonce }]);
    return { rows: rows.length, build: doris.build };
  },
);

check(
  'doris.replicas.healthy',
  {
    level: 'durability',
    claim:
      'A new table has its copies on as many BEs, up to three, all of them OK, and no tablet of the cluster is unhealthy',
    writes: ['database'],
    otherwise: {
      class: 'not-redundant',
      remedy:
        "bring the missing BEs back; if tablets stay unhealthy for ten minutes, look at SHOW PROC '/cluster_balance'",
    },
  },
  async ({ doris, component, scratch, signal, expect, fail, observe, skip }) => {
    if (doris.decoupled) return skip('storage', 'decoupled');
    const database = scratch.name('database', 'replicas');
    const columns = 'k BIGINT';
    const { copies } = await doris.createTable(
      { database, table: 't', columns, model: 'DUPLICATE KEY(k)', by: 'k' },
      signal,
    );
    await doris.query(`INSERT INTO \`${database}\`.t VALUES (1)`, signal);
    const statement = 'ADMIN SHOW REPLICA STATUS';
    const replicas = (await doris.query(`${statement} FROM \`${database}\`.t`, signal)).map((row) => ({
      backend: column(row, statement, 'BackendId'),
      status: column(row, statement, 'Status'),
    }));
    observe({ copies, replicas });
    const backends = await doris.backends(signal);
    const sick = replicas.filter(({ status }) => status !== 'OK');
    const wanted = Math.max(2, Math.min(3, component.roles?.be ?? 3));
    if (sick.length > 0 || copies < wanted)
      fail({
        cause: `a new table has ${copies} copies of ${wanted} that make it safe, ${copies - sick.length} of them healthy`,
        evidence: `${JSON.stringify(replicas)}, ${backends.filter(({ alive }) => alive).length} BEs alive`,
        ...deadBackend(backends),
      });
    expect(new Set(replicas.map(({ backend }) => backend)).size, 'BEs that hold a copy').toBe(copies);
    const proc = "SHOW PROC '/statistic'";
    const total = (await doris.query(proc, signal)).find((row) => column(row, proc, 'DbId') === 'Total');
    const unhealthy = total ? Number(column(total, proc, 'UnhealthyTabletNum')) : null;
    expect(unhealthy, 'unhealthy tablets of the whole cluster').toBe(0);
    return { tablets: total ? Number(column(total, proc, 'TabletNum')) : null, unhealthy };
  },
);
