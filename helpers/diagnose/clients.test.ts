import { expect, test } from 'vitest';
import { diagnoseElasticsearch, diagnoseStatus, explainUnassigned } from './elasticsearch.ts';
import { diagnoseNeo4j } from './neo4j.ts';
import { diagnoseWire } from './wire.ts';

/* Messages and codes as the clients and services gave them: neo4j-driver 6.3 with Neo4j 4.4.26, @elastic/elasticsearch 8.19 and 9.5. */

const neo4jError = (code: string, message = ''): Error =>
  Object.assign(new Error(message), { name: 'Neo4jError', code });

test.each([
  [
    'authentication',
    'Neo.ClientError.Security.Unauthorized',
    'The client is unauthorized due to authentication failure.',
  ],
  ['authentication', 'Neo.ClientError.Security.AuthenticationRateLimit', ''],
  ['authentication', 'Neo.ClientError.Security.CredentialsExpired', ''],
  ['authorization', 'Neo.ClientError.Security.Forbidden', ''],
  ['misconfigured', 'Neo.ClientError.Database.DatabaseNotFound', ''],
  ['crash', 'Neo.TransientError.Database.DatabaseUnavailable', ''],
  ['slow', 'Neo.TransientError.General.DatabaseUnavailable', ''],
  ['slow', 'Neo.ClientError.Transaction.TransactionTimedOut', ''],
  [
    'wrong-product',
    'ServiceUnavailable',
    'Server responded HTTP. Make sure you are not trying to connect to the http endpoint',
  ],
  ['slow', 'ServiceUnavailable', 'Connection acquisition timed out in 3000 ms. Pool status: Active conn count = 0'],
  ['unreachable', 'ServiceUnavailable', 'Connection was closed by server'],
  [
    'tls',
    'ServiceUnavailable',
    'Server certificate is not trusted. Socket responded with: DEPTH_ZERO_SELF_SIGNED_CERT',
  ],
  ['data-wrong', 'ProtocolError', 'Unknown packed value with marker c3'],
])('Neo4j: %s by %s %s', (expected, code, message) => {
  expect(diagnoseNeo4j(neo4jError(code, message), 'Neo4j')?.class).toBe(expected);
});

test('Neo4j explains neither a syntax error of ours nor the socket', () => {
  expect(diagnoseNeo4j(neo4jError('Neo.ClientError.Statement.SyntaxError'), 'Neo4j')).toBeNull();
  const refused = neo4jError(
    'ServiceUnavailable',
    'Failed to connect to server. Caused by: connect ECONNREFUSED 10.0.0.1:7687',
  );
  expect(diagnoseNeo4j(refused, 'Neo4j')).toBeNull();
  expect(diagnoseWire(refused, 'Neo4j')).toMatchObject({ class: 'refused', evidence: refused.message });
});

test.each([
  ['authentication', 401, { type: 'security_exception', reason: 'missing authentication credentials' }],
  ['authorization', 403, { type: 'security_exception', reason: 'action [indices:admin/create] is unauthorized' }],
  [
    'volume',
    429,
    {
      type: 'cluster_block_exception',
      reason:
        'index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];',
    },
  ],
  ['quorum-lost', 503, { type: 'cluster_block_exception', reason: 'blocked by: [SERVICE_UNAVAILABLE/2/no master];' }],
  [
    'misconfigured',
    403,
    { type: 'cluster_block_exception', reason: 'blocked by: [FORBIDDEN/6/cluster read-only (api)];' },
  ],
  [
    'wrong-product',
    400,
    { type: 'media_type_header_exception', reason: 'Invalid media-type value on headers [Accept]' },
  ],
  ['slow', 429, { type: 'circuit_breaking_exception', reason: '[parent] Data too large' }],
  ['quorum-lost', 503, { type: 'search_phase_execution_exception', reason: 'all shards failed' }],
  [
    'misconfigured',
    400,
    {
      type: 'search_phase_execution_exception',
      reason: '',
      caused_by: { type: 'too_many_buckets_exception', reason: 'Trying to create too many buckets.' },
    },
  ],
  ['unreachable', 503, undefined],
  ['authentication', 401, undefined],
] as const)('Elasticsearch: %s by status %i %j', (expected, status, error) => {
  expect(diagnoseStatus(status, error && { error, status }, 'Elasticsearch')?.class).toBe(expected);
  const thrown = Object.assign(new Error('m'), { name: 'ResponseError', statusCode: status, body: { error } });
  expect(diagnoseElasticsearch(thrown, 'Elasticsearch')?.class).toBe(expected);
});

test.each([
  ['slow', 'TimeoutError', 'Request timed out'],
  ['wrong-product', 'ProductNotSupportedError', ''],
  ['data-wrong', 'DeserializationError', 'Unexpected end of JSON input'],
  ['unreachable', 'ConnectionError', 'other side closed - Local: 127.0.0.1:1, Remote: 127.0.0.1:2'],
  ['data-wrong', 'ConnectionError', 'Response does not match the HTTP/1.1 protocol (Expected HTTP/)'],
])('Elasticsearch: %s by %s %s', (expected, name, message) => {
  expect(diagnoseElasticsearch(Object.assign(new Error(message), { name }), 'Elasticsearch')?.class).toBe(expected);
});

test('a mistake in a request of ours is not explained as the service', () => {
  const error = { type: 'parsing_exception', reason: 'unknown query [x]' };
  expect(diagnoseStatus(400, { error, status: 400 }, 'Elasticsearch')).toBeNull();
});

test.each([
  [
    'misconfigured',
    [
      { decider: 'same_shard', explanation: 's' },
      { decider: 'filter', explanation: 'f' },
    ],
    'no',
  ],
  ['volume', [{ decider: 'disk_threshold', explanation: 'd' }], 'no'],
  ['volume', [], 'no_valid_shard_copy'],
  ['quorum-lost', [], 'no'],
] as const)('an unassigned shard is %s by %j', (expected, deciders, can) => {
  const answer = { index: 'i', shard: 0, primary: true, can_allocate: can, node_allocation_decisions: [{ deciders }] };
  const { class: seen, cause } = explainUnassigned(answer);
  expect(seen).toBe(expected);
  expect(cause).toMatch(/^the primary of shard 0 of i is on no node: /);
});

const SAME_SHARD = { decider: 'same_shard', explanation: 'a copy of this shard is already allocated to this node' };

test.each([
  ['misconfigured', undefined, [SAME_SHARD], 'no', { data: 1, promised: 1 }],
  ['misconfigured', undefined, [SAME_SHARD, SAME_SHARD], 'no', { data: 2, promised: 2 }],
  ['not-redundant', 'the missing node', [SAME_SHARD], 'no', { data: 1, promised: 2 }],
  ['not-redundant', 'the missing node', [SAME_SHARD], 'allocation_delayed', { data: 2, promised: 2 }],
  ['slow', undefined, [{ decider: 'throttling', explanation: 't' }], 'throttled', { data: 2, promised: 2 }],
  ['volume', undefined, [SAME_SHARD, { decider: 'disk_threshold', explanation: 'd' }], 'no', { data: 2, promised: 2 }],
] as const)('an unassigned replica is %s of %s by %j', (expected, subject, deciders, can, nodes) => {
  const answer = { index: 'i', shard: 0, primary: false, can_allocate: can, node_allocation_decisions: [{ deciders }] };
  const seen = explainUnassigned(answer, nodes);
  expect(seen).toMatchObject({ class: expected, ...(subject === undefined ? {} : { subject }) });
  expect(seen.cause).toMatch(/^the replica of shard 0 of i is on no node: /);
});
