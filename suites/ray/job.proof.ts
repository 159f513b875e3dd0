import { changedAnswers, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { replaceBytes } from '../../fixtures/faults/replace.ts';
import { prove, proveTogether } from '../../helpers/check/proof.ts';
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
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('part answer', 'part anwser')),
});

prove('ray.job.runtime-env', {
  fault: 'jobs in the list have lost their metadata',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"metadata": {"nonce"', '"metadata": {"niece"')),
});

proveTogether(
  {
    fault: 'every part of the job tells that it failed',
    from: 'body',
    break: changedAnswers(
      ({ path }) => path.endsWith('/logs'),
      (answer) => ({
        ...answer,
        body: Buffer.from(
          answer.body.toString().replace(/part (actor|task|store) [^\\]*/g, 'part $1 failed: RayActorError'),
        ),
      }),
    ),
  },
  {
    'ray.actor.restart': { expect: 'crash' },
    'ray.task.retry': { expect: 'crash' },
    'ray.object.store': { expect: 'volume' },
  },
);

prove('ray.job.distributed', {
  fault: 'every task has run on one node',
  expect: 'not-redundant',
  size: 2,
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.endsWith('/logs'),
    (answer) => ({
      ...answer,
      body: Buffer.from(answer.body.toString().replace(/(part spread sums [\d ]+ on [0-9a-f]+)[0-9a-f ]*/, '$1')),
    }),
  ),
});

prove('ray.job.failure-visible', {
  fault: 'a wrapper swallows the exit code',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"driver_exit_code": 3', '"driver_exit_code": 0')),
});

prove('ray.job.delete', {
  fault: 'a cache in front keeps the deleted job in the list',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.rewrite(deletedJobStays()),
});

prove('ray.job.stop', {
  fault: 'a job that was stopped is told of as failed',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"STOPPED"', '"FAILED" ')),
});

function deletedJobStays() {
  let submission_id = '';
  return rewriteHttpAnswers(
    ({ method, path }) => {
      if (method === 'DELETE') submission_id = path.slice('/api/jobs/'.length);
      return method === 'GET' && path === '/api/jobs/';
    },
    (answer) => ({
      ...answer,
      body: Buffer.from(JSON.stringify([{ submission_id, status: 'FAILED', message: null }])),
    }),
  );
}
