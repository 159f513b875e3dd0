import { prove } from '../../helpers/check/proof.ts';
import { everywhere } from './faults.ts';
import './performance.test.ts';

prove('kafka.perf.produce-p99', {
  fault: 'every answer comes 60 ms late, where 50 are the limit',
  expect: 'slow',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: { ...component.settings, objectives: { produceP99: { target: 25, limit: 50 } } },
  }),
  break: everywhere((proxy) => proxy.delay(60)),
});
