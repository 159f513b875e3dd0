import { changedAnswers, replaced } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import { brokenRepository } from './faults.ts';
import './snapshots.test.ts';

prove('elasticsearch.snapshot.repo', {
  fault: 'the promised repository was never registered',
  expect: 'not-deployed',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, repository: 'backup' } }),
});

prove('elasticsearch.snapshot.repo', {
  fault: 'a node can not write to a repository',
  expect: 'volume',
  from: 'body',
  break: brokenRepository,
});

prove('elasticsearch.snapshot.restore', {
  fault: 'a character of every restored document changes on its way back',
  expect: 'data-wrong',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.includes('/_mget'),
    (answer) => replaced(answer, 'Zürich', 'Zurich'),
  ),
});

prove('elasticsearch.snapshot.restore', {
  fault: 'a snapshot is told as partial',
  expect: 'data-wrong',
  from: 'body',
  break: changedAnswers(
    ({ method, path }) => method === 'PUT' && path.startsWith('/_snapshot/'),
    (answer) => replaced(answer, '"state":"SUCCESS"', '"state":"PARTIAL"'),
  ),
});
