import { rewriteRows } from '../../fixtures/faults/mysql-frames.ts';
import { prove } from '../../helpers/check/proof.ts';
import { before, stopBackends } from './faults.ts';
import './tables.test.ts';

const reads = (sql: string): boolean => sql.startsWith('SELECT k');

/** One letter of what was written as `value-…`. */
const spoil = (text: string): string => text.replace('value-', 'valve-');

prove('doris.sql.round-trip', {
  fault: 'a letter of each value changes on its way back',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(rewriteRows(reads, (row) => ({ ...row, v: spoil(row.v ?? '') }))),
});

prove('doris.sql.round-trip', {
  fault: 'all BEs are stopped, and the FE goes on',
  expect: 'not-redundant',
  from: 'body',
  break: (context) => stopBackends(context, [0, 1, 2]),
});

prove('doris.model.unique', {
  fault: 'the first value of a key comes back in place of the last',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(rewriteRows(reads, (row) => ({ ...row, v: row.k === '1' ? '10' : '20' }))),
});

prove('doris.model.aggregate', {
  fault: 'a load is missing from the sum',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(
      rewriteRows(reads, (row) => ({ ...row, v: row.k === '1' ? '5' : (row.v ?? null) })),
    ),
});

prove('doris.prepared', {
  fault: 'a letter of each value changes on its way back',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.corrupt((chunk) => Buffer.from(spoil(chunk.toString('latin1')), 'latin1')),
});

prove('doris.replicas.healthy', {
  fault: 'BE 1 is stopped, so that two are left for three copies',
  expect: 'not-redundant',
  from: 'body',
  break: (context) => stopBackends(context, [1]),
});

prove('doris.replicas.healthy', {
  fault: 'a copy of the table is on a dead BE',
  expect: 'not-redundant',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(
      rewriteRows(
        (sql) => sql.startsWith('ADMIN SHOW REPLICA STATUS'),
        (row) => ({ ...row, Status: row.BackendId === '10003' ? 'DEAD' : 'OK' }),
      ),
    ),
});
