import { prove, proveTogether } from '../../helpers/check/proof.ts';
import { change, placeReplicas } from './faults.ts';
import './configuration.test.ts';

prove('kafka.config.defaults', {
  fault: 'one broker lets a replica lead that is out of sync',
  expect: 'misconfigured',
  from: 'body',
  break: (context) => change(context, 'broker', '1', { 'unclean.leader.election.enable': 'true' }),
});

prove('kafka.internal-topics.rf', {
  fault: 'the offsets of groups have one replica',
  expect: 'not-redundant',
  subject: '__consumer_offsets',
  from: 'body',
  break: (context) => placeReplicas(context, '__consumer_offsets', (replicas) => replicas.slice(0, 1)),
});

prove('kafka.minisr.configured', {
  fault: 'a topic has one replica',
  expect: 'misconfigured',
  subject: 'orders',
  from: 'body',
  break: (context) => placeReplicas(context, 'orders', (replicas) => replicas.slice(0, 1)),
});

proveTogether(
  {
    fault: 'a topic confirms by one replica and keeps its records for an hour',
    from: 'body',
    break: (context) => change(context, 'topic', 'orders', { 'min.insync.replicas': '1', 'retention.ms': '3600000' }),
  },
  {
    'kafka.minisr.configured': { expect: 'misconfigured', subject: 'orders' },
    'kafka.retention.policy': { expect: 'misconfigured', subject: 'orders' },
  },
);
