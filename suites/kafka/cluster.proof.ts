import { prove } from '../../helpers/check/proof.ts';
import { stopBroker } from './faults.ts';
import './cluster.test.ts';
import './data.test.ts';

prove('kafka.reach.bootstrap', {
  fault: 'every bootstrap port refuses connections',
  expect: 'refused',
  from: 'door',
  break: async ({ proxies }) => {
    await Promise.all(proxies.map((proxy) => proxy.refuse()));
  },
});

prove('kafka.reach.bootstrap', {
  fault: 'a plaintext client is aimed at the TLS listener',
  expect: 'tls',
  from: 'door',
  declare: (component, env) => ({ ...component, endpoints: { bootstrap: (env.KAFKA_TLS_BOOTSTRAP ?? '').split(',') } }),
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

prove('kafka.cluster.brokers', {
  fault: 'broker 2 is stopped and the controllers have fenced it',
  expect: 'not-redundant',
  subject: 'broker 2',
  from: 'body',
  break: (context) => stopBroker(context, 2),
});

prove('kafka.partitions.under-replicated', {
  fault: 'broker 2 is stopped and has left the ISR',
  given: ['kafka.topic.create'],
  expect: 'not-redundant',
  subject: 'broker 2',
  from: 'body',
  break: (context) => stopBroker(context, 2),
});
