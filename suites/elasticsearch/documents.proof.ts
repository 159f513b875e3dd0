import { changedAnswers, replaced } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import { clusterSettings, floodStage, templateWith, withRequests } from './faults.ts';
import { withPainless } from './scripted-peer.ts';
import './documents.test.ts';

prove('elasticsearch.doc.round-trip', {
  fault: 'a character of every document changes on its way back',
  expect: 'data-wrong',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.includes('/_mget'),
    (answer) => replaced(answer, 'Zürich', 'Zurich'),
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

prove('elasticsearch.refresh.semantics', {
  fault: 'a cache in front answers a search with what it answered before',
  expect: 'data-wrong',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.includes('-refreshed/_search'),
    (answer) => ({ ...answer, body: Buffer.from(JSON.stringify(NO_HITS)) }),
  ),
});

const NO_HITS = {
  took: 1,
  timed_out: false,
  _shards: { total: 1, successful: 1, skipped: 0, failed: 0 },
  hits: { total: { value: 0, relation: 'eq' }, max_score: null, hits: [] },
};

prove('elasticsearch.occ.if_seq_no', {
  fault: 'a gateway drops the parameters of a request',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.rewrite(withRequests(/\?\S*if_seq_no=\S*/g, '')),
});

prove('elasticsearch.bulk.partial', {
  fault: 'a template for every index lets malformed values in',
  expect: 'misconfigured',
  from: 'body',
  break: templateWith({ settings: { 'index.mapping.ignore_malformed': true } }),
});

prove('elasticsearch.bulk.partial', {
  fault: 'a gateway answers that nothing failed',
  expect: 'misconfigured',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.includes('/_bulk'),
    (answer) => replaced(answer, '"errors":true', '"errors":false'),
  ),
});

prove('elasticsearch.template.applied', {
  fault: 'a template for every index stands before all others',
  expect: 'misconfigured',
  subject: 'assay-fault',
  from: 'body',
  break: templateWith({ settings: { number_of_replicas: 0 } }, 1_000_000),
});

prove('elasticsearch.script.painless', {
  fault: 'one of the updates is lost on its way back',
  peer: withPainless,
  expect: 'data-wrong',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.includes('-scripted/_doc/1'),
    (answer) => replaced(answer, '"total":21', '"total":14'),
  ),
});

prove('elasticsearch.replica.copies', {
  fault: 'an upgrade left the allocation of replicas switched off',
  expect: 'misconfigured',
  from: 'body',
  break: clusterSettings({ 'cluster.routing.allocation.enable': 'primaries' }),
});
