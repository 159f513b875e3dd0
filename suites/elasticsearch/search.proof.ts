import { type HttpMessage, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import type { Component, Json } from '../../reports/model.ts';
import { clusterSettings } from './faults.ts';
import './search.test.ts';

const withAnalyzers =
  (analyzers: Json) =>
  (component: Component): Component => ({ ...component, settings: { ...component.settings, analyzers } });

prove('elasticsearch.analyzer', {
  fault: 'no node has the plugin of a declared analyzer',
  expect: 'not-deployed',
  subject: 'icu_analyzer',
  from: 'door',
  declare: withAnalyzers({ icu_analyzer: { text: 'Zürich', tokens: ['zurich'] } }),
});

prove('elasticsearch.analyzer', {
  fault: 'a declared analyzer keeps the capitals that it is declared to fold',
  expect: 'misconfigured',
  from: 'door',
  declare: withAnalyzers({ whitespace: { text: 'Zürich', tokens: ['zürich'] } }),
});

const searchAnswers = (index: string, change: (body: Record<string, never>) => unknown) =>
  rewriteHttpAnswers(
    ({ path }) => path.includes('/_search') && (index === '' || path.includes(index)),
    (answer: HttpMessage) => ({
      ...answer,
      body: Buffer.from(JSON.stringify(change(JSON.parse(answer.body.toString())))),
    }),
  );

prove('elasticsearch.pit.scroll', {
  fault: 'every page loses its last hit on its way back',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      searchAnswers('', ({ hits, ...rest }: { hits?: { hits: unknown[] } }) => ({
        ...rest,
        hits: { ...hits, hits: hits?.hits.slice(0, -1) },
      })),
    ),
});

prove('elasticsearch.aggs.exact', {
  fault: 'the cluster allows aggregations three buckets',
  expect: 'misconfigured',
  from: 'body',
  break: clusterSettings({ 'search.max_buckets': 3 }),
});

prove('elasticsearch.aggs.exact', {
  fault: 'one of three shards does not answer, and the rest is passed off as the whole',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      searchAnswers('-orders', ({ _shards: _, ...rest }: { _shards?: unknown }) => ({
        ...rest,
        _shards: { total: 3, successful: 2, skipped: 0, failed: 1 },
      })),
    ),
});

prove('elasticsearch.aggs.exact', {
  fault: 'a sum comes back a little smaller',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      searchAnswers('-orders', ({ aggregations, ...rest }: { aggregations?: { price: { sum: number } } }) => ({
        ...rest,
        aggregations: {
          ...aggregations,
          price: { ...aggregations?.price, sum: (aggregations?.price.sum ?? 0) - 0.25 },
        },
      })),
    ),
});
