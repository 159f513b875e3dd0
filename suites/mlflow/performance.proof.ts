import { prove } from '../../helpers/check/proof.ts';
import './performance.test.ts';

prove('mlflow.perf.log-batch', {
  fault: 'every answer is 60 ms late, where 50 are the limit',
  expect: 'slow',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: { ...component.settings, objectives: { logBatchP95: { target: 25, limit: 50 } } },
  }),
  break: async ({ proxies }) => proxies[0]?.delay(60),
});
