import { replaceBytes } from '../../fixtures/faults/replace.ts';
import { prove } from '../../helpers/check/proof.ts';
import './job.test.ts';

prove('ray.job.round-trip', {
  fault: 'the job is told of as failed',
  expect: 'crash',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"SUCCEEDED"', '"FAILED"   ')),
});

prove('ray.job.round-trip', {
  fault: 'the log does not hold what the task computed',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('answer', 'anwser')),
});
