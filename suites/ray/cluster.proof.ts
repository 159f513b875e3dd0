import { rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { replaceBytes } from '../../fixtures/faults/replace.ts';
import { prove } from '../../helpers/check/proof.ts';
import './cluster.test.ts';

prove('ray.reach.version', {
  fault: 'the port of the dashboard refuses connections',
  expect: 'refused',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.refuse(),
});

prove('ray.reach.version', {
  fault: 'connections are accepted and nothing is answered',
  expect: 'slow',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.silence(),
});

prove('ray.reach.version', {
  fault: 'connections are reset',
  expect: 'unreachable',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.reset(),
});

prove('ray.reach.version', {
  fault: 'something else answers with JSON of its own',
  expect: 'wrong-product',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"ray_version"', '"api_version"')),
});

prove('ray.reach.version', {
  fault: 'the phase file gives another token',
  expect: 'authentication',
  from: 'door',
  password: '0'.repeat(64),
});

prove('ray.reach.version', {
  fault: 'the phase file gives no token',
  expect: 'authentication',
  from: 'door',
  declare: (component) => ({ ...component, credentials: null }),
});

prove('ray.serve.gcs', {
  fault: 'the control store does not call itself healthy',
  expect: 'crash',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('success', 'failure')),
});

prove('ray.nodes.alive', {
  fault: 'the phase promises one node more',
  expect: 'not-redundant',
  from: 'door',
  declare: (component) => ({ ...component, target: (component.target ?? 1) + 1 }),
});

prove('ray.nodes.alive', {
  fault: 'the phase promises more processors than the node offers',
  expect: 'not-redundant',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, cpus: 64 } }),
});

prove('ray.nodes.alive', {
  fault: 'the head node is told of as dead',
  expect: 'not-redundant',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"ALIVE"', '"DEAD" ')),
});

prove('ray.agents.answer', {
  fault: 'an agent lists nothing',
  expect: 'crash',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('dashboard_agent', 'another__agents')),
});

prove('ray.security.token', {
  fault: 'a proxy in front has the token and lets everybody in: an empty job is refused for being empty',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteHttpAnswers(
        ({ method, path }) => method === 'POST' && path === '/api/jobs/',
        (answer) => ({ ...answer, status: 400 }),
      ),
    ),
});
