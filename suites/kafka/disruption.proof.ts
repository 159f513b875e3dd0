import { weakenAcks } from '../../fixtures/faults/kafka-frames.ts';
import { prove } from '../../helpers/check/proof.ts';
import { everywhere } from './faults.ts';
import './disruption.test.ts';

prove('kafka.minisr.enforced', {
  fault: 'acks=all becomes acks=1 on its way to the brokers',
  expect: 'misconfigured',
  from: 'body',
  break: everywhere((proxy) => proxy.rewrite(weakenAcks())),
});
