import { describe, expect, test } from 'vitest';
import { diagnosis, evidenceOf, passed } from '../../reports/evidence.fixture.ts';
import type { Component, WorkloadRef } from '../../reports/model.ts';
import type { Census } from './census.ts';
import { explained, wantedOf, workloadOf } from './component-workload.ts';
import { COUNTED } from './health.ts';
import type { Claim, Custom, EndpointSlice, Labels, Pod, Service, Workload } from './objects.ts';
import { aPod } from './pod.fixture.ts';

const CREATED = '2026-01-01T00:00:00Z';
const named = (name: string) => ({ namespace: 'data', name, uid: `uid-${name}`, createdAt: CREATED });

const set = (name: string, desired: number, over: Partial<Workload> = {}): Workload => ({
  ...named(name),
  kind: 'StatefulSet',
  owner: null,
  desired,
  observed: true,
  failure: null,
  ...over,
});

const pod = (owner: string, ordinal: number, over: Partial<Pod> = {}): Pod =>
  aPod({
    ...named(`${owner}-${ordinal}`),
    owner: { kind: 'StatefulSet', name: owner, uid: `uid-${owner}` },
    readySince: `2026-01-0${ordinal + 1}T00:00:00Z`,
    ...over,
  });

const IMAGE = 'docker.io/bitnami/kafka:4.0.0';
const unpulled = (owner: string, ordinal: number, labels: Labels = {}): Pod =>
  pod(owner, ordinal, {
    labels,
    phase: 'Pending',
    ready: false,
    readySince: null,
    containers: [
      {
        name: 'prepare',
        role: 'init',
        image: IMAGE,
        imageId: null,
        ready: false,
        started: false,
        restarts: 0,
        state: { is: 'waiting', reason: 'ErrImagePull', message: `${IMAGE}: not found` },
        last: null,
        probes: { readiness: false, liveness: false },
        bounded: true,
        flaws: [],
      },
    ],
  });

const service = (name: string): Service => ({
  ...named(name),
  type: 'ClusterIP',
  ports: [{ name: 'tcp', port: 9092 }],
  selector: { app: 'x' },
});
const slice = (name: string, ready: boolean): EndpointSlice => ({
  ...named(`${name}-1`),
  service: name,
  ports: [],
  endpoints: [{ ready, pod: null }],
});

interface Objects {
  readonly statefulSets?: readonly Workload[];
  readonly pods?: readonly Pod[];
  readonly services?: readonly Service[];
  readonly endpointSlices?: readonly EndpointSlice[];
  readonly claims?: readonly Claim[];
  readonly policyReports?: readonly Custom[];
}

function census(objects: Objects): Census {
  const kinds = [...COUNTED, 'services', 'endpointSlices', 'claims', 'warnings', 'policyReports'] as const;
  const listings = Object.fromEntries(kinds.map((kind) => [kind, { state: 'listed', items: [] }]));
  const given = Object.entries(objects).map(([kind, items]) => [kind, { state: 'listed', items }]);
  return {
    takenAt: 0,
    tookMs: 1,
    version: 'v1.36.3',
    clusterUid: null,
    readyz: 'ok',
    listings: {
      ...listings,
      strimziPodSets: { state: 'absent', resource: 'strimzipodsets.core.strimzi.io' },
      ...Object.fromEntries(given),
    },
  };
}

const [plain] = evidenceOf([{ id: 'kafka', weight: 1, target: 3, checks: [['kafka.reach', 'reach', passed()]] }]).phase
  .components as readonly [Component];
const kafka = (over: Partial<WorkloadRef> = {}): Component => ({
  ...plain,
  workload: { namespace: 'data', service: null, selector: null, ...over },
});

test('only what tells of the pods is listed, in the namespace of the component alone', () => {
  expect(wantedOf(plain)).toBeNull();
  expect(wantedOf(kafka())).toMatchObject({ namespaces: ['data'] });
});

describe('its pods', () => {
  const three = [0, 1, 2].map((ordinal) => pod('kafka', ordinal));

  test('all ready since the last of them became so', () => {
    const seen = workloadOf(kafka(), census({ statefulSets: [set('kafka', 3)], pods: three }));
    expect(seen).toEqual({ ready: 3, desired: 3, since: '2026-01-03T00:00:00Z', storage: [], explanation: null });
  });

  test('fewer asked for than promised: the promise counts', () => {
    const seen = workloadOf(kafka(), census({ statefulSets: [set('kafka', 1)], pods: three.slice(0, 1) }));
    expect(seen).toMatchObject({ ready: 1, desired: 3, since: null });
  });

  test('of its very name, not of all that begin with it', () => {
    const objects = { statefulSets: [set('kafka', 3), set('kafka-ui', 1)], pods: [...three, pod('kafka-ui', 0)] };
    expect(workloadOf(kafka(), census(objects))).toMatchObject({ ready: 3, desired: 3 });
  });

  test('by the label of an operator, under any name, with what has no pods yet', () => {
    const labels = { 'strimzi.io/cluster': 'kafka' };
    const objects = {
      statefulSets: [set('events-broker', 2), set('kafka-pool', 2)],
      pods: [pod('events-broker', 0, { labels }), pod('events-broker', 1, { labels })],
    };
    expect(workloadOf(kafka(), census(objects))).toMatchObject({ ready: 2, desired: 4 });
  });

  test('by the selector of the phase before all convention', () => {
    const labels = { role: 'log' };
    const objects = {
      statefulSets: [set('kafka', 3), set('log', 1)],
      pods: [...three, pod('log', 0, { labels })],
    };
    const seen = workloadOf({ ...kafka({ selector: labels }), target: 1 }, census(objects));
    expect(seen).toMatchObject({ ready: 1, desired: 1 });
  });
});

describe('why none of them can answer', () => {
  test('nothing asks for pods: what is there, and the kinds that are not served', () => {
    const { explanation } = workloadOf(kafka(), census({ statefulSets: [set('neo4j', 1)], pods: [pod('neo4j', 0)] }));
    expect(explanation).toMatchObject({ class: 'not-deployed', subject: 'workload of kafka' });
    expect(explanation?.evidence).toContain('StatefulSet neo4j');
    expect(explanation?.evidence).toContain('strimzipodsets.core.strimzi.io');
  });

  test('the image of an init container, with what an audit holds against the pod', () => {
    const report = {
      ...named('report'),
      kind: 'PolicyReport',
      labels: {},
      annotations: {},
      generation: 1,
      object: {
        scope: { kind: 'Pod', name: 'kafka-0' },
        results: [
          { policy: 'restrict-capabilities', rule: 'require-drop-all', result: 'fail' },
          { policy: 'require-labels', rule: 'check', result: 'pass' },
        ],
      } as unknown as Custom['object'],
    };
    const objects = { statefulSets: [set('kafka', 1)], pods: [unpulled('kafka', 0)], policyReports: [report] };
    const { explanation } = workloadOf(kafka(), census(objects));
    expect(explanation).toMatchObject({ class: 'image-unavailable', subject: `image ${IMAGE}` });
    expect(explanation?.evidence).toContain('not found');
    expect(explanation?.evidence).toContain('audit fails policy restrict-capabilities, rule require-drop-all');
    expect(explanation?.evidence).not.toContain('require-labels');
    expect(explanation?.remedy).toContain('kubectl');
  });

  test('the pod that a StatefulSet waits for, not the more that it has not made', () => {
    const objects = { statefulSets: [set('kafka', 3)], pods: [unpulled('kafka', 0)] };
    const { explanation, ready, desired } = workloadOf(kafka(), census(objects));
    expect({ ready, desired }).toEqual({ ready: 0, desired: 3 });
    expect(explanation).toMatchObject({ class: 'image-unavailable' });
    expect(explanation?.evidence).not.toContain('nothing says why');
  });

  test('a refused pod does not exist: the controller says by whom', () => {
    const failure = 'admission webhook "validate.kyverno.svc-fail" denied the request: policy disallow-capabilities';
    const { explanation, ready, desired } = workloadOf(
      kafka(),
      census({ statefulSets: [set('kafka', 3, { failure })] }),
    );
    expect({ ready, desired }).toEqual({ ready: 0, desired: 3 });
    expect(explanation).toMatchObject({ class: 'admission-denied', evidence: failure });
  });

  test('a claim that is not bound, with its class', () => {
    const waits = pod('kafka', 0, {
      phase: 'Pending',
      ready: false,
      readySince: null,
      claims: ['data-kafka-0'],
      unschedulable: 'pod has unbound immediate PersistentVolumeClaims',
    });
    const claim: Claim = {
      ...named('data-kafka-0'),
      phase: 'Pending',
      storageClass: 'fast-ssd',
      volume: null,
      requested: '10Gi',
      capacity: null,
    };
    const objects = { statefulSets: [set('kafka', 1)], pods: [waits], claims: [claim] };
    const { explanation, storage } = workloadOf(kafka(), census(objects));
    expect(storage).toEqual(['data-kafka-0 Pending 10Gi fast-ssd']);
    expect(explanation).toMatchObject({ class: 'volume' });
    expect(explanation?.evidence).toContain('claim data-kafka-0 is Pending, of class fast-ssd');
  });

  test('some are ready: Kubernetes shows no reason', () => {
    const objects = { statefulSets: [set('kafka', 2)], pods: [pod('kafka', 0), unpulled('kafka', 1)] };
    expect(workloadOf(kafka(), census(objects)).explanation).toBeNull();
  });
});

describe('its Service, where the phase names it', () => {
  const objects = { statefulSets: [set('kafka', 1)], pods: [pod('kafka', 0)] };

  test('is told with those that are there, where there is none of that name', () => {
    const services = [service('events-kafka-bootstrap'), service('events-kafka-brokers')];
    const { explanation } = workloadOf(kafka({ service: 'kafka' }), census({ ...objects, services }));
    expect(explanation).toMatchObject({ class: 'misconfigured', subject: 'Service data/kafka' });
    expect(explanation?.evidence).toContain('events-kafka-bootstrap, events-kafka-brokers');
  });

  test('leads to ready pods, or says that it does not', () => {
    const at = (ready: boolean) =>
      census({ ...objects, services: [service('kafka')], endpointSlices: [slice('kafka', ready)] });
    expect(workloadOf(kafka({ service: 'kafka' }), at(true)).explanation).toBeNull();
    expect(workloadOf(kafka({ service: 'kafka' }), at(false)).explanation?.cause).toContain('no ready endpoint');
  });
});

describe('a door', () => {
  const none = {
    ready: 0,
    desired: 3,
    since: null,
    storage: [],
    explanation: diagnosis('no image', 'image-unavailable'),
  };
  const closed = (cls: Parameters<typeof diagnosis>[1]) =>
    ({ state: 'closed', diagnosis: diagnosis('shut', cls), achieved: null, observed: {} }) as const;

  test('that is silent is explained, with what was heard at it', () => {
    const seen = explained(closed('refused'), none, false);
    expect(seen).toMatchObject({ achieved: 0, workload: { pods: '0/3' }, diagnosis: { class: 'image-unavailable' } });
    expect(seen.diagnosis.evidence).toBe('seen: no image; the door: shut');
  });

  test('that something else answered at stays what it is', () => {
    expect(explained(closed('wrong-product'), none, false).diagnosis.class).toBe('wrong-product');
  });

  test('that opens outvotes the census', () => {
    const open = { state: 'open', diagnosis: null, achieved: 3, observed: { answered: true } } as const;
    expect(explained(open, none, false)).toEqual({ ...open, workload: { pods: '0/3' } });
  });
});
