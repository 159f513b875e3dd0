import { corruptFetch, thinOutTopics, truncateFetch } from '../../fixtures/faults/kafka-frames.ts';
import { prove } from '../../helpers/check/proof.ts';
import { everywhere } from './faults.ts';
import './data.test.ts';

prove('kafka.topic.create', {
  fault: 'every topic that is asked for gets two replicas',
  expect: 'not-redundant',
  from: 'body',
  break: everywhere((proxy) => proxy.rewrite(thinOutTopics())),
});

prove('kafka.topic.round-trip', {
  fault: 'a bit of every value changes on its way back',
  expect: 'data-wrong',
  from: 'door',
  break: everywhere((proxy) => proxy.rewrite(corruptFetch())),
});

prove('kafka.topic.round-trip', {
  fault: 'every answer to a fetch breaks off in the middle',
  expect: 'unreachable',
  from: 'door',
  break: everywhere((proxy) => proxy.rewrite(truncateFetch())),
});

prove('kafka.order.per-key', {
  fault: 'a bit of every value changes on its way back, so that numbers change places',
  expect: 'data-wrong',
  from: 'door',
  break: everywhere((proxy) => proxy.rewrite(corruptFetch())),
});

prove('kafka.compression.codecs', {
  fault: 'a bit of every compressed batch changes on its way back',
  expect: 'data-wrong',
  from: 'door',
  break: everywhere((proxy) => proxy.rewrite(corruptFetch())),
});
