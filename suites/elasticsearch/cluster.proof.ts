import { type HttpMessage, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import { unallocatableIndex } from './faults.ts';
import './cluster.test.ts';

const withRoot = (answer: HttpMessage, fields: object): HttpMessage => ({
  ...answer,
  body: Buffer.from(JSON.stringify({ ...JSON.parse(answer.body.toString()), ...fields })),
});

const atRoot = ({ path }: { path: string }): boolean => path === '/';

prove('elasticsearch.reach.http', {
  fault: 'the HTTP port refuses connections',
  expect: 'refused',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.refuse(),
});

prove('elasticsearch.reach.http', {
  fault: 'the node accepts connections and answers nothing',
  expect: 'slow',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.silence(),
});

prove('elasticsearch.reach.http', {
  fault: 'connections are reset',
  expect: 'unreachable',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.reset(),
});

prove('elasticsearch.reach.http', {
  fault: 'every answer breaks off in the middle',
  expect: 'data-wrong',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.cut(200),
});

prove('elasticsearch.reach.http', {
  fault: 'the phase says TLS and the port speaks plain HTTP',
  expect: 'tls',
  from: 'door',
  declare: (component) => ({ ...component, tls: {} }),
});

prove('elasticsearch.reach.http', {
  fault: 'another product answers, which does not name itself Elasticsearch',
  expect: 'wrong-product',
  from: 'door',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteHttpAnswers(atRoot, ({ headers: { 'x-elastic-product': _, ...headers }, ...answer }) => ({
        ...answer,
        headers,
      })),
    ),
});

prove('elasticsearch.reach.http', {
  fault: 'the node wants credentials and the phase file gives none',
  expect: 'authentication',
  from: 'door',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteHttpAnswers(atRoot, ({ headers }) => ({
        status: 401,
        headers,
        body: Buffer.from(
          '{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":401}',
        ),
      })),
    ),
});

prove('elasticsearch.reach.http', {
  fault: 'the node has not joined a cluster',
  expect: 'quorum-lost',
  from: 'door',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(rewriteHttpAnswers(atRoot, (answer) => withRoot(answer, { cluster_uuid: '_na_' }))),
});

prove('elasticsearch.serve.client-compat', {
  fault: 'the server calls itself 9.0.0, so the client of 9 asks it',
  expect: 'wrong-product',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(rewriteHttpAnswers(atRoot, (answer) => withRoot(answer, { version: { number: '9.0.0' } }))),
});

prove('elasticsearch.serve.cluster-health', {
  fault: 'an index has its primary on no node, because a filter leaves none',
  expect: 'misconfigured',
  from: 'body',
  break: unallocatableIndex,
});

prove('elasticsearch.serve.cluster-health', {
  fault: 'the phase promises a second node',
  expect: 'not-redundant',
  from: 'door',
  declare: (component) => ({ ...component, target: 2 }),
});
