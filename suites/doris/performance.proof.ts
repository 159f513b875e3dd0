import { prove } from '../../helpers/check/proof.ts';
import { before } from './faults.ts';
import './performance.test.ts';

prove('doris.perf.point-query', {
  fault: 'every answer is 260 ms late',
  expect: 'slow',
  from: 'door',
  break: async (context) => before(context, 'query')[0]?.delay(260),
});
