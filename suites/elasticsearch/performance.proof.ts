import { type Fault, prove } from '../../helpers/check/proof.ts';
import './performance.test.ts';

const LATE: Fault = {
  fault: 'every answer comes 60 ms late, where 50 are the limit',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: {
      ...component.settings,
      objectives: { indexP99: { target: 25, limit: 50 }, searchP99: { target: 25, limit: 50 } },
    },
  }),
  break: async ({ proxies }) => proxies[0]?.delay(60),
};

prove('elasticsearch.perf.index-p99', { ...LATE, expect: 'slow' });

prove('elasticsearch.perf.search-p99', { ...LATE, expect: 'slow' });
