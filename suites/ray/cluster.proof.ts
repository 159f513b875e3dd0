import { changedAnswers, replaced, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { replaceBytes } from '../../fixtures/faults/replace.ts';
import { BUDGETS } from '../../helpers/budgets.ts';
import { prove } from '../../helpers/check/proof.ts';
import { service } from '../../helpers/connect/ray.ts';
import './cluster.test.ts';
import { killRaylet, LAST_NODE, withServe } from './faults.ts';

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
  break: changedAnswers(
    ({ method, path }) => method === 'POST' && path === '/api/jobs/',
    (answer) => ({ ...answer, status: 400 }),
  ),
});

prove('ray.nodes.alive', {
  fault: 'the raylet of a node is killed',
  expect: 'not-redundant',
  subject: `node ${LAST_NODE.address}`,
  size: 3,
  from: 'body',
  break: killRaylet,
});

prove('ray.agents.answer', {
  fault: 'the agent of one node is not found',
  expect: 'crash',
  subject: `node ${LAST_NODE.address}`,
  size: 3,
  from: 'body',
  break: async ({ proxies, target }) => {
    await using ray = await service.open(target, AbortSignal.timeout(BUDGETS.attempt));
    const nodes = await ray.nodes(AbortSignal.timeout(BUDGETS.answer));
    const lost = nodes.find(({ alive, address }) => alive && address === LAST_NODE.address)?.id ?? '';
    await proxies[0]?.rewrite(
      rewriteHttpAnswers(
        ({ path }) => path.startsWith('/api/v0/logs') && path.includes(lost),
        (answer) => ({ ...answer, status: 500, body: Buffer.from('Server got itself in trouble') }),
      ),
    );
  },
});

prove('ray.autoscaler.state', {
  fault: 'a node that was asked for did not start',
  expect: 'unschedulable',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(clusterStatusWith('"failedNodes": []', '"failedNodes": [["10.0.0.9", "worker"]]')),
});

prove('ray.autoscaler.state', {
  fault: 'the autoscaler told of itself long ago',
  expect: 'crash',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.rewrite(clusterStatusWith('"time": 1', '"time": -1')),
});

prove('ray.serve.apps', {
  fault: 'an application could not be deployed',
  peer: withServe,
  expect: 'crash',
  subject: 'application text',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path === '/api/serve/applications/',
    (answer) => replaced(answer, '"status":"RUNNING","message":""', '"status":"DEPLOY_FAILED","message":"no module"'),
  ),
});

prove('ray.serve.apps', {
  fault: 'a deployment of an application that runs is not healthy',
  peer: withServe,
  expect: 'crash',
  subject: 'application text',
  from: 'body',
  break: changedAnswers(
    ({ path }) => path === '/api/serve/applications/',
    (answer) => replaced(answer, '"HEALTHY"', '"UNHEALTHY"'),
  ),
});

const clusterStatusWith = (from: string, to: string) =>
  rewriteHttpAnswers(
    ({ path }) => path === '/api/cluster_status',
    (answer) => replaced(answer, from, to),
  );
