import { replaced, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import { floodStage } from './faults.ts';
import './documents.test.ts';

prove('elasticsearch.doc.round-trip', {
  fault: 'a character of every document changes on its way back',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteHttpAnswers(
        ({ path }) => path.includes('/_mget'),
        (answer) => replaced(answer, 'Zürich', 'Zurich'),
      ),
    ),
});

prove('elasticsearch.doc.round-trip', {
  fault: 'new indices have the block that a disk above the flood stage gives them',
  expect: 'volume',
  from: 'body',
  break: floodStage,
});

prove('elasticsearch.doc.round-trip', {
  fault: 'the node stands still when the index is to be created',
  expect: 'slow',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.silence(),
});
