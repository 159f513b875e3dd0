import { rewriteRows } from '../../fixtures/faults/bolt-frames.ts';
import { type Fault, prove } from '../../helpers/check/proof.ts';
import type { Component } from '../../reports/model.ts';
import './configuration.test.ts';
import { forgetTransaction } from './faults.ts';

/** The phase file says this beside all else. */
const declare =
  (settings: Component['settings']): NonNullable<Fault['declare']> =>
  (component) => ({ ...component, settings: { ...component.settings, ...settings } });

prove('neo4j.log.queries', {
  fault: 'the query log is off',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteRows(/SETTINGS|listConfig/, (row) =>
        String(row.name).endsWith('.enabled') ? { ...row, value: 'OFF' } : row,
      ),
    ),
});

prove('neo4j.config.declared', {
  fault: 'the phase promises another value',
  expect: 'misconfigured',
  from: 'door',
  declare: declare({ serverSettings: { 'dbms.security.auth_enabled': false } }),
});

prove('neo4j.tx.forgotten', {
  fault: 'a transaction was left open, for longer than the phase allows',
  expect: 'slow',
  from: 'body',
  declare: declare({ longestTransaction: 0.5 }),
  break: forgetTransaction,
});

prove('neo4j.store.kept', {
  fault: 'the phase promises data from before the store was made',
  expect: 'data-wrong',
  subject: 'store',
  from: 'door',
  declare: declare({ storeSince: '2020-01-01' }),
});
