import { changedAnswers, replaced, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import { clusterSettings, FULL_DISK, indexWith } from './faults.ts';
import { withDeprecations } from './scripted-peer.ts';
import './configuration.test.ts';

prove('elasticsearch.disk.watermarks', {
  fault: 'less is free than the low watermark asks for',
  expect: 'volume',
  from: 'body',
  break: clusterSettings(FULL_DISK),
});

prove('elasticsearch.disk.watermarks', {
  fault: 'the watermarks are switched off',
  expect: 'misconfigured',
  from: 'body',
  break: clusterSettings({ 'cluster.routing.allocation.disk.threshold_enabled': false }),
});

prove('elasticsearch.translog.durability', {
  fault: 'an index syncs its translog every five seconds only',
  expect: 'misconfigured',
  subject: 'assay-fault-index',
  from: 'body',
  break: indexWith(() => ({ 'index.translog.durability': 'async' })),
});

prove('elasticsearch.heap.sizing', {
  fault: 'the heap is more than half of what the container may use',
  expect: 'misconfigured',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, memory: '300mb' } }),
});

const jvmAnswers = (from: RegExp, to: string) =>
  rewriteHttpAnswers(
    ({ path }) => path.startsWith('/_nodes/jvm'),
    (answer) => ({ ...answer, body: Buffer.from(answer.body.toString().replace(from, to)) }),
  );

prove('elasticsearch.heap.sizing', {
  fault: 'the heap begins small and grows',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(jvmAnswers(/"heap_init_in_bytes":\d+/g, '"heap_init_in_bytes":67108864')),
});

prove('elasticsearch.heap.sizing', {
  fault: 'the heap is too large for compressed object pointers',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      jvmAnswers(
        /"using_compressed_ordinary_object_pointers":"true"/g,
        '"using_compressed_ordinary_object_pointers":"false"',
      ),
    ),
});

prove('elasticsearch.deprecations', {
  fault: 'an index is older than the next major version takes',
  peer: withDeprecations,
  expect: 'misconfigured',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.startsWith('/_migration/deprecations'),
    (answer) => replaced(answer, '"level":"warning","message":"an index', '"level":"critical","message":"an index'),
  ),
});
