import { describe, expect, test } from 'vitest';
import type { Container, Event, Pod } from '../kubernetes/objects.ts';
import { aPod } from '../kubernetes/pod.fixture.ts';
import { diagnosePod, refused, warningsByUid } from './pods.ts';

const IMAGE = 'docker.io/bitnami/kafka:4.0.0-debian-12-r10';

const container = (over: Partial<Container>): Container => ({
  name: 'kafka',
  role: 'main',
  image: IMAGE,
  imageId: null,
  ready: false,
  started: false,
  restarts: 0,
  state: null,
  last: null,
  probes: { readiness: true, liveness: true },
  bounded: true,
  flaws: [],
  ...over,
});

const pod = (containers: readonly Container[], over: Partial<Pod> = {}): Pod =>
  aPod({
    owner: { kind: 'StatefulSet', name: 'kafka', uid: 'set' },
    phase: 'Pending',
    ready: false,
    readySince: null,
    containers,
    claims: ['data-kafka-0'],
    ...over,
  });

const waiting = (reason: string, message = ''): Partial<Container> => ({ state: { is: 'waiting', reason, message } });

const event = (reason: string, note: string): Event => ({
  namespace: 'data',
  name: reason,
  uid: reason,
  createdAt: '2026-01-01T00:00:00Z',
  regarding: { kind: 'Pod', namespace: 'data', name: 'kafka-0', uid: 'uid' },
  reason,
  note,
  count: 1,
  at: '2026-01-01T00:00:00Z',
});

describe('why an image is not there is what the pull said, not the back-off', () => {
  test.each([
    ['rpc error: code = NotFound desc = failed to resolve reference: not found', 'does not exist (any more)'],
    ['manifest unknown', 'does not exist (any more)'],
    ['pull access denied, repository does not exist: insufficient_scope: authorization failed', 'does not let us pull'],
    ['toomanyrequests: You have reached your pull rate limit', 'limits how often'],
    ['tls: failed to verify certificate: x509: certificate signed by unknown authority', 'do not trust'],
    ['no match for platform in manifest', 'architecture'],
    ['dial tcp 10.0.0.1:443: i/o timeout', 'can not reach the registry'],
    ['dial tcp: lookup registry.internal: no such host', 'can not reach the registry'],
  ])('%s', (said, why) => {
    const events = [event('Failed', `Failed to pull image "${IMAGE}": ${said}`)];
    const found = diagnosePod(pod([container(waiting('ImagePullBackOff', 'Back-off pulling'))]), warningsByUid(events));
    expect(found).toMatchObject({ class: 'image-unavailable', subject: `image ${IMAGE}` });
    expect(found.cause).toContain(why);
  });

  test('of an init container, without any event', () => {
    const init = container({ name: 'init', role: 'init', ...waiting('ErrImagePull', `${IMAGE}: not found`) });
    const found = diagnosePod(pod([init, container(waiting('PodInitializing'))]), new Map());
    expect(found).toMatchObject({ class: 'image-unavailable', subject: `image ${IMAGE}` });
    expect(found.cause).toContain('does not exist');
  });
});

test.each<[string, Pod, string, string]>([
  [
    'out of memory',
    pod([
      container({
        ...waiting('CrashLoopBackOff'),
        last: { reason: 'OOMKilled', exitCode: 137, message: null, finishedAt: null },
      }),
    ]),
    'crash',
    'for want of memory',
  ],
  [
    'a missing Secret',
    pod([container(waiting('CreateContainerConfigError', 'secret "kafka-auth" not found'))]),
    'misconfigured',
    'secret "kafka-auth" not found',
  ],
  [
    'no room',
    pod([], { node: null, unschedulable: '0/3 nodes are available: 3 Insufficient memory.' }),
    'unschedulable',
    'Insufficient memory',
  ],
  [
    'an unbound claim',
    pod([], {
      node: null,
      unschedulable: '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
    }),
    'volume',
    'waits for its volume',
  ],
  ['a lost node', pod([], { phase: 'Unknown', reason: 'NodeLost' }), 'unreachable', 'does not tell of it any more'],
  [
    'runs and is not ready',
    pod([container({ state: { is: 'running' } })], { phase: 'Running' }),
    'crash',
    'is not ready',
  ],
])('%s', (_, sick, cls, cause) => {
  const found = diagnosePod(sick, new Map());
  expect(found.class).toBe(cls);
  expect(found.cause).toContain(cause);
});

describe('who refuses a pod', () => {
  const set = { kind: 'StatefulSet', namespace: 'data', name: 'kafka' };
  test.each([
    [
      'admission webhook "validate.kyverno.svc-fail" denied the request: drop-cap-net-raw: require-drop-cap-net-raw',
      'admission webhook validate.kyverno.svc-fail refuses',
      'admission of data/kafka',
    ],
    [
      'violates PodSecurity "restricted:latest": privileged',
      'Pod Security restricted:latest refuses',
      'admission of data/kafka',
    ],
    ['exceeded quota: compute, requested: pods=1', 'quota compute refuses', 'admission of data/kafka'],
    [
      'failed calling webhook "validate.kyverno.svc-fail": connection refused',
      'nothing can be created while webhook',
      'webhook validate.kyverno.svc-fail',
    ],
  ])('%s', (told, cause, subject) => {
    const found = refused(set, told);
    expect(found).toMatchObject({ class: 'admission-denied', subject, evidence: told });
    expect(found.cause).toContain(cause);
  });
});
