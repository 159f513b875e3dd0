import { corruptFetch, dropIsolation, forgetOffsets, forgetProducers } from '../../fixtures/faults/kafka-frames.ts';
import { prove } from '../../helpers/check/proof.ts';
import { everywhere } from './faults.ts';
import './guarantees.test.ts';

prove('kafka.producer.idempotent', {
  fault: 'the brokers do not get to know who produced a batch',
  expect: 'data-wrong',
  from: 'body',
  break: everywhere((proxy) => proxy.rewrite(forgetProducers())),
});

prove('kafka.txn.read-committed', {
  fault: 'every fetch reads uncommitted records',
  expect: 'data-wrong',
  from: 'body',
  break: everywhere((proxy) => proxy.rewrite(dropIsolation())),
});

prove('kafka.group.rebalance-resume', {
  fault: 'the brokers forget what a group has committed',
  expect: 'data-wrong',
  from: 'body',
  break: everywhere((proxy) => proxy.rewrite(forgetOffsets())),
});

prove('kafka.compaction.effective', {
  fault: 'a bit of every value changes on its way back',
  expect: 'data-wrong',
  from: 'body',
  break: everywhere((proxy) => proxy.rewrite(corruptFetch())),
});
