import { corruptFetch, truncateFetch } from '../../fixtures/faults/kafka-frames.ts';
import { prove } from '../../helpers/check/proof.ts';
import './data.test.ts';

prove('kafka.topic.create', {
  fault: 'the phase promises a fourth broker, so a fourth replica is asked for',
  expect: 'not-redundant',
  from: 'door',
  declare: (component) => ({ ...component, target: 4 }),
});

prove('kafka.topic.round-trip', {
  fault: 'a bit of every value changes on its way back',
  expect: 'data-wrong',
  from: 'door',
  break: async ({ proxies }) => {
    await Promise.all(proxies.map((proxy) => proxy.rewrite(corruptFetch())));
  },
});

prove('kafka.topic.round-trip', {
  fault: 'every answer to a fetch breaks off in the middle',
  expect: 'unreachable',
  from: 'door',
  break: async ({ proxies }) => {
    await Promise.all(proxies.map((proxy) => proxy.rewrite(truncateFetch())));
  },
});

prove('kafka.order.per-key', {
  fault: 'a bit of every value changes on its way back, so that numbers change places',
  expect: 'data-wrong',
  from: 'door',
  break: async ({ proxies }) => {
    await Promise.all(proxies.map((proxy) => proxy.rewrite(corruptFetch())));
  },
});
