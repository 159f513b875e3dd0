import { changedAnswers } from '../../fixtures/faults/http-answers.ts';
import { pauseProcess } from '../../fixtures/faults/process.ts';
import { replaceBytes } from '../../fixtures/faults/replace.ts';
import { prove } from '../../helpers/check/proof.ts';
import { validatesHosts } from '../../helpers/connect/mlflow.ts';
import './server.test.ts';

prove('mlflow.reach.health', {
  fault: 'the port refuses connections',
  expect: 'refused',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.refuse(),
});

prove('mlflow.reach.health', {
  fault: 'connections are accepted and nothing is answered',
  expect: 'slow',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.silence(),
});

prove('mlflow.reach.health', {
  fault: 'connections are reset',
  expect: 'unreachable',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.reset(),
});

prove('mlflow.reach.health', {
  fault: 'every answer breaks off in the middle',
  expect: 'data-wrong',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.cut(200),
});

prove('mlflow.reach.health', {
  fault: 'something else answers with JSON of its own',
  expect: 'wrong-product',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"experiment_id"', '"equipment__id"')),
});

prove('mlflow.reach.health', {
  fault: 'a client that speaks TLS is aimed at the plain port',
  expect: 'tls',
  from: 'door',
  declare: (component) => ({ ...component, tls: {} }),
});

prove('mlflow.serve.api-host', {
  fault: 'clients call the server by a name that it does not allow, while /health answers',
  expect: 'misconfigured',
  from: 'door',
  barred: (_, version) => (validatesHosts(version) ? null : { name: 'MLflow version', value: version }),
  declare: (component) => ({ ...component, settings: { ...component.settings, hosts: ['mlflow.ml.svc:5000'] } }),
});

prove('mlflow.serve.api-host', {
  fault: 'the server is paused',
  expect: 'slow',
  from: 'body',
  break: ({ pid }) => pauseProcess(pid('mlflow')),
});

prove('mlflow.security.host', {
  fault: 'a proxy in front lets everybody in',
  expect: 'misconfigured',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.endsWith('/experiments/search'),
    (answer) => ({ ...answer, status: 200, body: Buffer.from('{}') }),
  ),
});

prove('mlflow.reach.health', {
  fault: 'the phase file gives another password',
  expect: 'authentication',
  from: 'door',
  barred: ({ credentials }) => (credentials === null ? { name: 'credentials in the phase file', value: null } : null),
  password: '0'.repeat(36),
});

prove('mlflow.security.auth', {
  fault: 'a proxy in front lets everybody in: an experiment without a name is refused for having none',
  expect: 'misconfigured',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path.endsWith('/experiments/create'),
    (answer) => ({ ...answer, status: 400, body: Buffer.from('{"error_code": "INVALID_PARAMETER_VALUE"}') }),
  ),
});
