import { retireVersions } from '../../fixtures/faults/kafka-frames.ts';
import { prove, proveTogether } from '../../helpers/check/proof.ts';
import { API_KEYS } from '../../helpers/wire/kafka.ts';
import { everywhere, listener, placeReplicas, stopBroker } from './faults.ts';
import './cluster.test.ts';
import './data.test.ts';

prove('kafka.reach.bootstrap', {
  fault: 'every bootstrap port refuses connections',
  expect: 'refused',
  from: 'door',
  break: everywhere((proxy) => proxy.refuse()),
});

prove('kafka.reach.bootstrap', {
  fault: 'a plaintext client is aimed at the TLS listener',
  expect: 'tls',
  from: 'door',
  declare: listener('KAFKA_TLS_BOOTSTRAP'),
});

prove('kafka.reach.bootstrap', {
  fault: 'the answer of one broker breaks off in the middle',
  expect: 'data-wrong',
  subject: 'broker 2',
  from: 'door',
  break: async ({ proxies }) => proxies[1]?.cut(7),
});

prove('kafka.reach.advertised', {
  fault: 'broker 2 accepts connections and answers nothing',
  expect: 'slow',
  subject: 'broker 2',
  from: 'body',
  break: async ({ proxies }) => proxies[1]?.silence(),
});

prove('kafka.protocol.negotiation', {
  fault: 'every broker has dropped the versions of Fetch that our client speaks',
  expect: 'wrong-product',
  from: 'body',
  break: everywhere((proxy) => proxy.rewrite(retireVersions(API_KEYS.Fetch, 12))),
});

proveTogether(
  {
    fault: 'broker 2 is stopped, out of the ISR, and the controllers have fenced it',
    given: ['kafka.topic.create'],
    from: 'body',
    break: (context) => stopBroker(context, 2),
  },
  {
    'kafka.cluster.brokers': { expect: 'not-redundant', subject: 'broker 2' },
    'kafka.controller.quorum': { expect: 'not-redundant', subject: 'broker 2' },
    'kafka.partitions.under-replicated': { expect: 'not-redundant', subject: 'broker 2' },
  },
);

prove('kafka.rack.awareness', {
  fault: 'the phase promises a third rack',
  expect: 'misconfigured',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, racks: 3 } }),
});

prove('kafka.rack.awareness', {
  fault: 'the replicas of a topic are placed on two brokers of one rack',
  expect: 'not-redundant',
  from: 'body',
  break: (context) => placeReplicas(context, 'orders', () => [1, 2]),
});
