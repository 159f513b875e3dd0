import { prove } from '../../helpers/check/proof.ts';
import { breaking, DATA, podOf, warningOf } from './faults.ts';
import './cluster.test.ts';

prove('kubernetes.reach.api', {
  fault: 'the port of the API server refuses connections',
  expect: 'refused',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.refuse(),
});

prove('kubernetes.reach.api', {
  fault: 'connections are accepted and no TLS handshake comes',
  expect: 'unreachable',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.silence(),
});

prove('kubernetes.reach.api', {
  fault: 'connections are reset',
  expect: 'unreachable',
  from: 'door',
  break: async ({ proxies }) => proxies[0]?.reset(),
});

prove('kubernetes.ns.exists', {
  fault: 'the phase names a namespace that nobody has created',
  expect: 'not-deployed',
  subject: 'namespace absent-platform',
  from: 'door',
  declare: (component) => ({ ...component, settings: { namespaces: ['data-platform', 'absent-platform'] } }),
});

prove('kubernetes.ns.exists', {
  fault: 'a namespace is deleted and a finalizer keeps it',
  expect: 'misconfigured',
  subject: 'namespace assay-held',
  from: 'door',
  declare: (component) => ({ ...component, settings: { namespaces: ['assay-held'] } }),
  break: breaking(async (hands) => {
    const claim = '/api/v1/namespaces/assay-held/configmaps/held';
    await hands.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'assay-held' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', namespace: 'assay-held' } },
    );
    await hands.merge(claim, { metadata: { finalizers: ['example.org/held'] } });
    await hands.leave('/api/v1/namespaces/assay-held');
    return async (again) => {
      await again.merge(claim, { metadata: { finalizers: null } });
      await again.remove('/api/v1/namespaces/assay-held');
    };
  }),
});

prove('kubernetes.nodes.ready', {
  fault: 'the kubelet of a node says that it is not ready',
  expect: 'unreachable',
  subject: 'node node-3',
  from: 'door',
  break: breaking(async (hands) => {
    const node = '/api/v1/nodes/node-3';
    await hands.merge(node, { metadata: { annotations: { 'assay.local/held': '' } } });
    const ready = (status: string, reason: string) => ({
      status: {
        conditions: [{ type: 'Ready', status, reason, message: reason, lastHeartbeatTime: new Date().toISOString() }],
      },
    });
    await hands.merge(node, ready('False', 'KubeletNotReady'), 'status');
    return async (again) => {
      await again.merge(node, ready('True', 'KubeletReady'), 'status');
      await again.merge(node, { metadata: { annotations: { 'assay.local/held': null } } });
    };
  }),
});

prove('kubernetes.nodes.ready', {
  fault: 'the phase promises a fourth node',
  expect: 'not-redundant',
  from: 'door',
  declare: (component) => ({ ...component, target: 4 }),
});

prove('kubernetes.events.warnings', {
  fault: 'a probe of a pod fails, after it was ready',
  expect: 'unexplained',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.apply(
      warningOf(
        await podOf(hands, 'web'),
        'probe',
        'Unhealthy',
        'Readiness probe failed: HTTP probe failed with statuscode: 503',
      ),
    );
    return (again) => again.remove(`${DATA}/events/probe`);
  }),
});
