import { changedAnswers, type HttpMessage } from '../../fixtures/faults/http-answers.ts';
import { type FaultContext, prove, proveTogether } from '../../helpers/check/proof.ts';
import {
  both,
  clusterSettings,
  FULL_DISK,
  indexWith,
  stopSecondNode,
  trippingBreaker,
  unallocatableIndex,
  withRequests,
} from './faults.ts';
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
  break: changedAnswers(atRoot, ({ headers: { 'x-elastic-product': _, ...headers }, ...answer }) => ({
    ...answer,
    headers,
  })),
});

prove('elasticsearch.reach.http', {
  fault: 'the node wants credentials and the phase file gives none',
  expect: 'authentication',
  from: 'door',
  break: changedAnswers(atRoot, ({ headers }) => ({
    status: 401,
    headers,
    body: Buffer.from(
      '{"error":{"type":"security_exception","reason":"missing authentication credentials"},"status":401}',
    ),
  })),
});

prove('elasticsearch.reach.http', {
  fault: 'the node has not joined a cluster',
  expect: 'quorum-lost',
  from: 'door',
  break: changedAnswers(atRoot, (answer) => withRoot(answer, { cluster_uuid: '_na_' })),
});

prove('elasticsearch.serve.client-compat', {
  fault: 'the client is of a major version that the server does not speak',
  expect: 'wrong-product',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.rewrite(withRequests(/compatible-with=\d/g, 'compatible-with=6')),
});

prove('elasticsearch.serve.client-compat', {
  fault: 'a second cluster is behind the same address',
  expect: 'misconfigured',
  from: 'body',
  break: changedAnswers(atRoot, (answer) => withRoot(answer, { cluster_uuid: 'another' })),
});

prove('elasticsearch.serve.cluster-health', {
  fault: 'an index has its primary on no node, because a filter leaves none',
  expect: 'misconfigured',
  from: 'body',
  break: unallocatableIndex,
});

prove('elasticsearch.serve.cluster-health', {
  fault: 'the phase promises one node more than there are',
  subject: 'the missing node',
  expect: 'not-redundant',
  from: 'door',
  declare: (component) => ({ ...component, target: (component.target ?? 1) + 1 }),
});

proveTogether(
  {
    fault: 'the second node stands still and the master has given it up',
    size: 2,
    from: 'body',
    break: stopSecondNode,
  },
  {
    'elasticsearch.serve.cluster-health': { expect: 'not-redundant', subject: 'the missing node' },
    'elasticsearch.shards.explained': { expect: 'not-redundant', subject: 'the missing node' },
  },
);

const asManyCopiesAs = (context: FaultContext, more: number) => ({
  number_of_replicas: (context.target.component.target ?? 1) - 1 + more,
});

prove('elasticsearch.shards.explained', {
  fault: 'an index asks for one copy more than there are nodes',
  expect: 'misconfigured',
  from: 'body',
  break: indexWith((context) => asManyCopiesAs(context, 1)),
});

prove('elasticsearch.shards.explained', {
  fault: 'the disks are over the low watermark, so that a new replica gets no place',
  expect: 'volume',
  from: 'body',
  break: both(
    clusterSettings(FULL_DISK),
    indexWith((context) => asManyCopiesAs(context, 1)),
  ),
});

prove('elasticsearch.shards.explained', {
  fault: 'an upgrade left the allocation switched off, and an index has no primary',
  expect: 'misconfigured',
  from: 'body',
  break: both(clusterSettings({ 'cluster.routing.allocation.enable': 'none' }), unallocatableIndex),
});

prove('elasticsearch.pending-tasks', {
  fault: 'a change of mappings has waited for 45 seconds',
  expect: 'slow',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.startsWith('/_cluster/pending_tasks'),
    (answer) => ({ ...answer, body: Buffer.from(JSON.stringify({ tasks: [LATE_TASK] })) }),
  ),
});

/** Source: the reference, "Pending cluster tasks API". */
const LATE_TASK = {
  insert_order: 101,
  priority: 'HIGH',
  source: 'put-mapping [orders/k3h]',
  executing: true,
  time_in_queue_millis: 45_000,
  time_in_queue: '45s',
};

prove('elasticsearch.breakers-gc', {
  fault: 'the request breaker trips again and again',
  expect: 'slow',
  from: 'body',
  break: trippingBreaker,
});

prove('elasticsearch.breakers-gc', {
  fault: 'the heap stays nearly full',
  expect: 'slow',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.startsWith('/_nodes/stats'),
    (answer) => ({
      ...answer,
      body: Buffer.from(answer.body.toString().replace(/"heap_used_percent":\d+/g, '"heap_used_percent":93')),
    }),
  ),
});
