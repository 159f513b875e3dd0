import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/kubernetes.ts';
import {
  causesOfWorkload,
  diagnoseRestart,
  fold,
  imageUnavailable,
  isImageMissing,
  refusalOf,
  refused,
  warningsByUid,
} from '../../helpers/diagnose/pods.ts';

const check = suite(service);

/** Restarts longer ago are history. */
const RESTARTS_MS = 30 * 60_000;
/** Of a list in the evidence. */
const SHOWN = 20;

check(
  'kubernetes.pods.ready',
  {
    level: 'serve',
    claim:
      'Every pod that a workload wants or the phase promises exists and is ready; what has done its work is not counted',
    otherwise: { class: 'crash', remedy: 'kubectl describe the pod that the evidence names' },
  },
  async ({ kubernetes, fail, observe }) => {
    const health = kubernetes.health();
    const { ready, desired, completed, terminating, naive } = health;
    const short = health.workloads.filter((each) => each.ready < each.desired);
    observe({
      ready,
      desired,
      completed,
      terminating,
      leftovers: health.leftovers.length,
      ...(naive.ready === ready && naive.desired === desired
        ? {}
        : { asKubectlCounts: `${naive.ready}/${naive.desired}` }),
      short: Object.fromEntries(
        short
          .slice(0, SHOWN)
          .map((each) => [`${each.namespace}/${each.kind}/${each.name}`, `${each.ready}/${each.desired}`]),
      ),
    });
    const warnings = warningsByUid(kubernetes.items('warnings'));
    const causes = fold(short.flatMap((each) => causesOfWorkload(each, warnings)));
    const [first] = causes;
    if (first)
      fail({
        ...first.diagnosis,
        cause: `${desired - ready} of ${desired} pods are not ready, ${first.pods} of them by this: ${first.diagnosis.cause}`,
        evidence: [
          first.diagnosis.evidence,
          ...causes.slice(1, SHOWN).map(({ diagnosis, pods }) => `${pods}: ${diagnosis.cause}`),
        ].join('\n'),
      });
    const unseen = health.workloads.find(({ unobserved }) => unobserved);
    if (unseen)
      fail({
        cause: `the controller of ${unseen.kind} ${unseen.namespace}/${unseen.name} has not seen its newest generation`,
        remedy: 'look whether the controller or operator runs; run with --wait where it is only slow',
        evidence: 'status.observedGeneration is behind metadata.generation',
      });
    return { workloads: health.workloads.length };
  },
);

check(
  'kubernetes.pods.blocked-by-admission',
  {
    level: 'serve',
    claim: 'No controller is refused the pods that it wants to create: by a policy, Pod Security, a quota or a webhook',
    otherwise: { class: 'admission-denied', remedy: "mend the workload's template by what the evidence names" },
  },
  async ({ kubernetes, fail }) => {
    const warnings = warningsByUid(kubernetes.items('warnings'));
    const { workloads } = kubernetes.health();
    for (const workload of workloads) {
      // An event alone may be of a refusal that is over.
      const told = workload.missing > 0 ? refusalOf(workload, warnings) : workload.refusal;
      if (told !== null) fail(refused(workload, told));
    }
    return { workloads: workloads.length, missingPods: workloads.reduce((sum, { missing }) => sum + missing, 0) };
  },
);

check(
  'kubernetes.images.pullable',
  {
    level: 'serve',
    claim: 'No container waits for an image that can not be pulled',
    otherwise: { class: 'image-unavailable', remedy: 'name an image that the registry has' },
  },
  async ({ kubernetes, fail }) => {
    const warnings = warningsByUid(kubernetes.items('warnings'));
    const pods = kubernetes.items('pods');
    const waiting = pods.flatMap((pod) =>
      pod.containers
        .filter(isImageMissing)
        .map((container) => ({ pods: 1, diagnosis: imageUnavailable(pod, container, warnings) })),
    );
    const [first, ...others] = fold(waiting);
    if (first)
      fail({
        ...first.diagnosis,
        evidence: [first.diagnosis.evidence, ...others.map(({ diagnosis }) => diagnosis.cause)]
          .slice(0, SHOWN)
          .join('\n'),
      });
    const containers = pods.flatMap((pod) => pod.containers);
    return {
      images: new Set(containers.map(({ image }) => image)).size,
      pulled: containers.filter(({ imageId }) => imageId !== null).length,
      containers: containers.length,
    };
  },
);

check(
  'kubernetes.svc.endpoints',
  {
    level: 'serve',
    claim: 'Every Service, and every one that an Ingress leads to, has a ready endpoint behind each of its ports',
    otherwise: {
      class: 'refused',
      remedy: "compare the Service's selector and ports with the labels and ports of its pods",
    },
  },
  async ({ kubernetes, fail }) => {
    const services = kubernetes.items('services');
    const slices = Map.groupBy(
      kubernetes.items('endpointSlices'),
      ({ namespace, service: of }) => `${namespace}/${of}`,
    );
    const pods = kubernetes.items('pods');
    const promised = kubernetes.settings.services;
    const ingresses = kubernetes.items('ingresses');
    const asked =
      promised === null
        ? services
            .filter(({ selector, type }) => selector !== null && type !== 'ExternalName')
            .map(({ namespace, name }) => `${namespace}/${name}`)
        : Object.entries(promised).flatMap(([namespace, names]) => names.map((name) => `${namespace}/${name}`));
    const led = ingresses.flatMap(({ namespace, services: names }) => names.map((name) => `${namespace}/${name}`));
    const keys = [...new Set([...asked, ...led])];
    for (const key of keys) {
      const found = services.find(({ namespace, name }) => `${namespace}/${name}` === key);
      if (!found)
        return fail({
          class: 'not-deployed',
          cause: `Service ${key} does not exist`,
          remedy: 'create it, or name the one that its chart or operator creates',
          evidence: `Services there: ${
            services
              .filter(({ namespace }) => namespace === key.split('/')[0])
              .map(({ name }) => name)
              .join(', ') || 'none'
          }`,
          subject: `Service ${key}`,
        });
      const own = slices.get(key) ?? [];
      const ready = own.filter(({ endpoints }) => endpoints.some((each) => each.ready));
      if (ready.length === 0) {
        const selected = pods.filter(
          ({ namespace, labels }) =>
            namespace === found.namespace &&
            Object.entries(found.selector ?? {}).every(([name, value]) => labels[name] === value),
        );
        fail({
          ...(selected.length === 0 ? { class: 'misconfigured' as const } : {}),
          cause:
            selected.length === 0
              ? `Service ${key} selects no pod`
              : `none of the ${selected.length} pods behind Service ${key} is ready`,
          evidence: `selector ${JSON.stringify(found.selector)}, ${own.length} EndpointSlices`,
          subject: `Service ${key}`,
        });
      }
      const missing = found.ports.find(
        ({ name }) => !ready.some(({ ports }) => ports.some((each) => each.name === name)),
      );
      if (missing)
        fail({
          class: 'misconfigured',
          cause: `port ${missing.name || missing.port} of Service ${key} leads to no port of its pods`,
          evidence: `ports of its endpoints: ${JSON.stringify(ready.flatMap(({ ports }) => ports))}`,
          subject: `Service ${key}`,
        });
    }
    return { services: keys, ingresses: ingresses.map(({ namespace, name }) => `${namespace}/${name}`) };
  },
);

check(
  'kubernetes.pods.restarts',
  {
    level: 'availability',
    claim: 'No container has ended and been started again within the last 30 minutes',
    otherwise: { class: 'crash', remedy: 'kubectl logs --previous of the container' },
  },
  async ({ kubernetes, fail }) => {
    const warnings = warningsByUid(kubernetes.items('warnings'));
    const since = new Date(kubernetes.census.takenAt - RESTARTS_MS).toISOString();
    const pods = kubernetes.items('pods');
    const restarted = pods.flatMap((pod) =>
      pod.containers.flatMap((container) =>
        container.restarts > 0 && container.last?.finishedAt != null && container.last.finishedAt >= since
          ? { pods: 1, diagnosis: diagnoseRestart(pod, container, container.last, warnings) }
          : [],
      ),
    );
    const [first, ...others] = fold(restarted);
    if (first)
      fail({
        ...first.diagnosis,
        evidence: [first.diagnosis.evidence, ...others.map(({ diagnosis }) => diagnosis.cause)]
          .slice(0, SHOWN)
          .join('\n'),
      });
    const lifetime = pods.flatMap((pod) => pod.containers).reduce((sum, { restarts }) => sum + restarts, 0);
    return { windowMinutes: RESTARTS_MS / 60_000, restarts: 0, lifetimeRestarts: lifetime };
  },
);

check(
  'kubernetes.spread',
  {
    level: 'availability',
    claim:
      'Members of a quorum, which are the pods of a StatefulSet or StrimziPodSet of three or more, are not all on one node',
    otherwise: {
      class: 'not-redundant',
      remedy: 'add topologySpreadConstraints or podAntiAffinity by kubernetes.io/hostname, and nodes',
    },
  },
  async ({ kubernetes, fail, skip }) => {
    const sets = [...kubernetes.items('statefulSets'), ...kubernetes.items('strimziPodSets')].filter(
      ({ desired }) => desired >= 3,
    );
    if (sets.length === 0) skip('sets of three or more pods', 0);
    const byOwner = Map.groupBy(kubernetes.items('pods'), ({ owner }) => owner?.uid);
    const nodes = sets.map((set) => {
      const members = byOwner.get(set.uid) ?? [];
      return {
        set,
        placed: members.filter(({ node }) => node !== null).length,
        on: [...new Set(members.flatMap(({ node }) => node ?? []))],
      };
    });
    // One that has come up alone is short of pods, which is told elsewhere, and spread over nothing yet.
    for (const { set, placed, on } of nodes)
      if (placed > 1 && on.length === 1)
        fail({
          cause: `all pods of ${set.kind} ${set.namespace}/${set.name} are on node ${on[0]}: with it the quorum is lost`,
          evidence: `node ${on[0]} of ${kubernetes.items('nodes').length}`,
          subject: `${set.kind} ${set.namespace}/${set.name}`,
        });
    return Object.fromEntries(nodes.map(({ set, on }) => [`${set.namespace}/${set.name}`, on]));
  },
);
