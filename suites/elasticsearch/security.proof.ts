import { changedAnswers } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import { withRequests } from './faults.ts';
import { LOGIN, withSecurity } from './scripted-peer.ts';
import './security.test.ts';

prove('elasticsearch.security.negative', {
  fault: 'the cluster answers everybody',
  peer: withSecurity,
  expect: 'misconfigured',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.startsWith('/_cluster/health'),
    (answer) => ({ ...answer, status: 200, body: Buffer.from('{"status":"green"}') }),
  ),
});

prove('elasticsearch.security.negative', {
  fault: 'strangers are refused by something else than the cluster',
  peer: withSecurity,
  expect: 'misconfigured',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.startsWith('/_cluster/health'),
    (answer) => ({ ...answer, status: 403, body: Buffer.from('<html>forbidden</html>') }),
  ),
});

prove('elasticsearch.security.least-privilege', {
  fault: 'a proxy puts its own login in place of the one that it gets',
  peer: withSecurity,
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(withRequests(/^authorization: ApiKey .*$/gim, `authorization: ${LOGIN}`)),
});
