import { prove, proveTogether } from '../../helpers/check/proof.ts';
import { APPS, breaking, DATA, pathOfPod, podOf, replacing, unreadyStatus, warningOf } from './faults.ts';
import './pods.test.ts';

const IMAGE = 'example.org/data/store:4.1.0';

proveTogether(
  {
    fault: 'the image of a container is gone from its registry',
    from: 'door',
    break: breaking(async (hands) => {
      const pod = await podOf(hands, 'store');
      const state = { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${IMAGE}"` } };
      await hands.merge(pathOfPod(pod), unreadyStatus(pod, state), 'status');
      const note = `Failed to pull image "${IMAGE}": rpc error: code = NotFound desc = failed to pull and unpack image: ${IMAGE}: not found`;
      await hands.apply(warningOf(pod, 'pull', 'Failed', note));
      return async (again) => {
        await again.remove(`${DATA}/events/pull`);
        await replacing(pod)(again);
      };
    }),
  },
  {
    'kubernetes.pods.ready': { expect: 'image-unavailable', subject: `image ${IMAGE}` },
    'kubernetes.images.pullable': { expect: 'image-unavailable', subject: `image ${IMAGE}` },
  },
);

proveTogether(
  {
    fault: 'a container is killed for want of memory, and started again',
    from: 'door',
    break: breaking(async (hands) => {
      const pod = await podOf(hands, 'store');
      const now = new Date().toISOString();
      const terminated = { exitCode: 137, reason: 'OOMKilled', startedAt: now, finishedAt: now };
      const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } };
      await hands.merge(
        pathOfPod(pod),
        unreadyStatus(pod, state, { restartCount: 3, lastState: { terminated } }),
        'status',
      );
      return replacing(pod);
    }),
  },
  {
    'kubernetes.pods.ready': { expect: 'crash', subject: 'crash of data-platform/store' },
    'kubernetes.pods.restarts': { expect: 'crash', subject: 'crash of data-platform/store' },
  },
);

proveTogether(
  {
    fault: 'the template lets a container escalate its privileges, which Pod Security refuses',
    from: 'door',
    break: breaking(async (hands) => {
      const path = `${APPS}/deployments/web`;
      const { spec } = await hands.get(path);
      const [first] = spec.template.spec.containers;
      const loose = { ...first, securityContext: { allowPrivilegeEscalation: true } };
      await hands.merge(path, {
        spec: { strategy: { type: 'Recreate', rollingUpdate: null }, template: { spec: { containers: [loose] } } },
      });
      await hands.becomes(async () => {
        const { status } = await hands.get(path);
        return (
          (status.readyReplicas ?? 0) === 0 &&
          status.conditions.some((each: { type: string }) => each.type === 'ReplicaFailure')
        );
      });
      return (again) =>
        again.merge(path, {
          spec: { strategy: { type: 'RollingUpdate' }, template: { spec: { containers: [first] } } },
        });
    }),
  },
  {
    'kubernetes.pods.ready': { expect: 'admission-denied', subject: 'admission of data-platform/web' },
    'kubernetes.pods.blocked-by-admission': { expect: 'admission-denied', subject: 'admission of data-platform/web' },
  },
);

prove('kubernetes.pods.ready', {
  fault: 'no node takes a pod: all are cordoned when it is replaced',
  expect: 'unschedulable',
  from: 'door',
  break: breaking(async (hands) => {
    const nodes = ['node-1', 'node-2', 'node-3'].map((name) => `/api/v1/nodes/${name}`);
    const cordon = (on: boolean) =>
      Promise.all(nodes.map((node) => hands.merge(node, { spec: { unschedulable: on } })));
    await cordon(true);
    const pod = await podOf(hands, 'web');
    await replacing(pod)(hands);
    await hands.becomes(async () =>
      (await hands.items(`${DATA}/pods?labelSelector=app%3Dweb`)).some(
        ({ status }) => status.conditions?.[0]?.reason === 'Unschedulable',
      ),
    );
    return () => cordon(false);
  }),
});

prove('kubernetes.pods.ready', {
  fault: 'the phase promises a workload that nobody has created',
  expect: 'not-deployed',
  subject: 'statefulset data-platform/kafka',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: { ...component.settings, workloads: { 'data-platform': { 'statefulset/kafka': 3 } } },
  }),
});

prove('kubernetes.pods.ready', {
  fault: 'a Job has given up',
  expect: 'crash',
  subject: 'Job ml-platform/doomed',
  from: 'door',
  break: breaking(async (hands) => {
    const job = '/apis/batch/v1/namespaces/ml-platform/jobs';
    const { spec } = await hands.get(`${job}/train`);
    const { template } = structuredClone(spec) as { template: { metadata: object } };
    template.metadata = { annotations: { 'assay.local/fails': 'Error' } };
    await hands.apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'doomed', namespace: 'ml-platform' },
      spec: { backoffLimit: 0, template },
    });
    await hands.becomes(async () =>
      ((await hands.get(`${job}/doomed`)).status?.conditions ?? []).some(
        (each: { type: string }) => each.type === 'Failed',
      ),
    );
    return (again) => again.remove(`${job}/doomed`);
  }),
});

prove('kubernetes.svc.endpoints', {
  fault: "the Service's selector matches no pod",
  expect: 'misconfigured',
  subject: 'Service data-platform/web',
  from: 'door',
  break: breaking(async (hands) => {
    await hands.merge(`${DATA}/services/web`, { spec: { selector: { app: 'nobody' } } });
    await hands.becomes(async () =>
      (
        await hands.items(
          '/apis/discovery.k8s.io/v1/namespaces/data-platform/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dweb',
        )
      ).every(({ endpoints }) => (endpoints ?? []).length === 0),
    );
    return undefined;
  }),
});

prove('kubernetes.svc.endpoints', {
  fault: 'the phase names the Service as another chart would have named it',
  expect: 'not-deployed',
  subject: 'Service data-platform/kafka',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: { ...component.settings, services: { 'data-platform': ['kafka'] } },
  }),
});

prove('kubernetes.svc.endpoints', {
  fault: 'an Ingress leads to a Service that nobody has created',
  expect: 'not-deployed',
  subject: 'Service data-platform/nowhere',
  from: 'door',
  break: breaking(async (hands) => {
    const backend = { service: { name: 'nowhere', port: { number: 80 } } };
    await hands.apply({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'nowhere', namespace: 'data-platform' },
      spec: { defaultBackend: backend },
    });
    return (again) => again.remove('/apis/networking.k8s.io/v1/namespaces/data-platform/ingresses/nowhere');
  }),
});

prove('kubernetes.spread', {
  fault: 'all pods of a set are bound to one node',
  expect: 'not-redundant',
  subject: 'StatefulSet data-platform/lonely',
  from: 'door',
  break: breaking(async (hands) => {
    const path = `${APPS}/statefulsets`;
    const { spec } = await hands.get(`${path}/store`);
    const { containers, securityContext } = spec.template.spec;
    const labels = { app: 'lonely' };
    const template = {
      metadata: { labels },
      spec: {
        securityContext,
        nodeSelector: { 'kubernetes.io/hostname': 'node-1' },
        containers: [{ ...containers[0], volumeMounts: [] }],
      },
    };
    await hands.apply({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'lonely', namespace: 'data-platform' },
      spec: {
        replicas: 3,
        serviceName: 'lonely',
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: labels },
        template,
      },
    });
    await hands.becomes(async () => (await hands.get(`${path}/lonely`)).status?.readyReplicas === 3);
    return async (again) => {
      await again.remove(`${path}/lonely`);
      await again.becomes(async () => (await again.items(`${DATA}/pods?labelSelector=app%3Dlonely`)).length === 0);
    };
  }),
});
