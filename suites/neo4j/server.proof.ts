import { rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { prove } from '../../helpers/check/proof.ts';
import { replaceText } from './faults.ts';
import './server.test.ts';

/* The component's addresses in the order of the phase file: Bolt, then HTTP. */

prove('neo4j.reach.bolt', {
  fault: 'the Bolt port refuses connections',
  expect: 'refused',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.refuse(),
});

prove('neo4j.reach.bolt', {
  fault: 'the server accepts connections and answers nothing',
  expect: 'slow',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.silence(),
});

prove('neo4j.reach.bolt', {
  fault: 'connections are reset',
  expect: 'unreachable',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.reset(),
});

prove('neo4j.reach.bolt', {
  fault: 'the phase file names the HTTP port',
  expect: 'wrong-product',
  from: 'door',
  declare: (component) => ({
    ...component,
    endpoints: { ...component.endpoints, bolt: component.endpoints.http ?? [] },
  }),
});

prove('neo4j.reach.bolt', {
  fault: 'the password is not the one that the server has',
  expect: 'authentication',
  from: 'door',
  password: 'not-this-one',
});

prove('neo4j.reach.http', {
  fault: 'the HTTP port refuses connections',
  expect: 'refused',
  from: 'body',
  break: async ({ proxies }) => proxies[1]?.refuse(),
});

prove('neo4j.reach.http', {
  fault: 'a login page answers in its place',
  expect: 'wrong-product',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[1]?.rewrite(
      rewriteHttpAnswers(
        () => true,
        () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<title>Sign in</title>') }),
      ),
    ),
});

prove('neo4j.serve.version', {
  fault: 'the phase promises version 5',
  expect: 'wrong-product',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, version: '5' } }),
});

prove('neo4j.serve.db-online', {
  fault: 'the phase names a database that does not exist',
  expect: 'misconfigured',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, database: 'absent' } }),
});

prove('neo4j.serve.db-online', {
  fault: 'both databases are reported in another state than online',
  expect: 'crash',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceText('online', 'failed')),
});
