import { MESSAGE, replaceMessage, rewriteBolt } from '../../fixtures/faults/bolt-frames.ts';
import { type Dictionary, Struct } from '../../fixtures/faults/packstream.ts';
import { prove } from '../../helpers/check/proof.ts';
import { changeBegin, laterBookmark, replaceCode, replaceText } from './faults.ts';
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

prove('neo4j.tx.rollback', {
  fault: 'a rollback becomes a commit on its way to the server',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.rewrite(replaceMessage(MESSAGE.rollback, MESSAGE.commit)),
});

prove('neo4j.tx.access-mode', {
  fault: 'every transaction is opened for writing on its way to the server',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.rewrite(changeBegin(({ mode: _, ...extra }) => extra)),
});

prove('neo4j.bookmark.causal', {
  fault: 'a commit is acknowledged without a bookmark',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteBolt({
        summary: (summary, { tag }) => {
          if (tag !== MESSAGE.commit) return summary;
          const { bookmark: _, ...meta } = summary.fields[0] as Dictionary;
          return new Struct(summary.tag, [meta]);
        },
      }),
    ),
});

prove('neo4j.bookmark.causal', {
  fault: 'the server lags behind the transaction that the bookmark is of',
  expect: 'slow',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      changeBegin(({ bookmarks = [], ...extra }) => ({
        ...extra,
        bookmarks: (bookmarks as string[]).map(laterBookmark),
      })),
    ),
});

prove('neo4j.deadlock.detected', {
  fault: 'waiting for a lock ends before the deadlock is found',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      replaceCode(
        'Neo.TransientError.Transaction.DeadlockDetected',
        'Neo.ClientError.Transaction.LockAcquisitionTimeout',
      ),
    ),
});
