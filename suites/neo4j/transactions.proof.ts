import { prove } from '../../helpers/check/proof.ts';
import { replaceText } from './faults.ts';
import './transactions.test.ts';

prove('neo4j.tx.round-trip', {
  fault: 'a character of every text changes on its way back',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceText('東', '西')),
});

prove('neo4j.tx.round-trip', {
  fault: 'the server stands still when the transaction begins',
  expect: 'slow',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.silence(),
});

prove('neo4j.tx.round-trip', {
  fault: 'the server goes away when the transaction begins',
  expect: 'refused',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.refuse(),
});
