import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/kubernetes.ts';
import type { Event } from '../../helpers/kubernetes/objects.ts';

const check = suite(service);

/** Events are kept for an hour unless the API server is told another time. Source: kube-apiserver, --event-ttl. */
const WINDOW_MS = 3_600_000;

check(
  'kubernetes.reach.api',
  {
    level: 'reach',
    claim: 'The API server answers, knows us, and says of itself that it is ready',
    otherwise: { class: 'unreachable', remedy: 'check `cluster` in the phase file: kubeconfig and context' },
  },
  async ({ door }) => door.observed,
);

check(
  'kubernetes.ns.exists',
  {
    level: 'reach',
    claim: 'Every namespace of the phase exists and is not on its way out',
    otherwise: {
      class: 'not-deployed',
      remedy: 'create the namespace, or take it out of `namespaces` in the phase file',
    },
  },
  async ({ kubernetes, fail }) => {
    const all = kubernetes.items('namespaces');
    for (const name of kubernetes.settings.namespaces ?? [])
      if (!all.some((each) => each.name === name))
        fail({
          cause: `namespace ${name} does not exist`,
          evidence: `there are ${all.length} of the namespaces of the phase`,
          subject: `namespace ${name}`,
        });
    const going = all.find(({ phase }) => phase !== 'Active');
    if (going)
      fail({
        class: 'misconfigured',
        cause: `namespace ${going.name} is ${going.phase}`,
        remedy: 'remove what its conditions name: mostly objects with a finalizer whose controller is gone',
        evidence: going.message ?? `phase ${going.phase}`,
        subject: `namespace ${going.name}`,
      });
    return { namespaces: all.map(({ name }) => name) };
  },
);

check(
  'kubernetes.nodes.ready',
  {
    level: 'availability',
    claim: 'As many nodes as promised are ready, and none is short of memory, disk, process ids or network',
    otherwise: {
      class: 'unreachable',
      remedy: 'kubectl describe the node: look whether it is up and its kubelet runs',
    },
  },
  async ({ kubernetes, component, fail, observe }) => {
    const nodes = kubernetes.items('nodes');
    const ready = nodes.filter((each) => each.ready);
    observe({ nodes: nodes.length, ready: ready.length, cordoned: nodes.filter(({ cordoned }) => cordoned).length });
    for (const { name, unready, pressures } of nodes)
      if (unready !== null || pressures.length > 0)
        fail({
          cause: `node ${name} ${unready === null ? `reports ${pressures.join(', ')}` : 'is not ready'}`,
          evidence: unready ?? pressures.join(', '),
          subject: `node ${name}`,
        });
    const promised = component.target ?? 1;
    if (ready.length < promised)
      fail({
        class: 'not-redundant',
        cause: `${ready.length} of ${promised} promised nodes are ready`,
        remedy: 'add the missing node, or promise what there is',
        evidence: nodes.map(({ name }) => name).join(', ') || 'there is no node',
      });
    return { promised };
  },
);

check(
  'kubernetes.events.warnings',
  {
    level: 'hygiene',
    claim: 'No warning of the last hour is about something that has not recovered since',
    otherwise: { class: 'unexplained', remedy: 'kubectl describe the object: the warning goes on' },
  },
  async ({ kubernetes, fail }) => {
    const { census } = kubernetes;
    const since = new Date(census.takenAt - WINDOW_MS).toISOString();
    const recent = kubernetes.items('warnings').filter(({ at }) => at >= since);
    const recovered = recoveries(kubernetes);
    const lasting = recent.filter((event) => !recovered(event));
    const [first] = [...lasting].sort((a, b) => b.count - a.count);
    if (first)
      fail({
        cause: `${lasting.length} warnings, most often of ${nameOf(first)}: ${first.reason}`,
        evidence: lasting
          .slice(0, 10)
          .map((each) => `${nameOf(each)} ${each.reason} x${each.count}: ${each.note}`)
          .join('\n'),
      });
    return { windowMinutes: WINDOW_MS / 60_000, warnings: recent.length, lasting: 0 };
  },
);

const nameOf = ({ regarding }: Event): string => `${regarding.kind} ${regarding.namespace ?? ''}/${regarding.name}`;

/** What the warning is about is gone, or has become what it should be after it. */
function recoveries(kubernetes: Parameters<Parameters<typeof check>[2]>[0]['kubernetes']): (event: Event) => boolean {
  const pods = new Map(kubernetes.items('pods').map((pod) => [pod.uid, pod]));
  const claims = new Map(kubernetes.items('claims').map((claim) => [claim.uid, claim]));
  const short = new Set(
    kubernetes
      .health()
      .workloads.filter(({ ready, desired, refusal }) => ready < desired || refusal !== null)
      .flatMap(({ makers }) => makers),
  );
  const makers = new Set([
    'Deployment',
    'ReplicaSet',
    'StatefulSet',
    'DaemonSet',
    'Job',
    'StrimziPodSet',
    'RayCluster',
  ]);
  return ({ regarding, at }) => {
    if (regarding.kind === 'Pod') {
      const pod = pods.get(regarding.uid);
      return pod === undefined || pod.phase === 'Succeeded' || (pod.readySince !== null && pod.readySince >= at);
    }
    if (regarding.kind === 'PersistentVolumeClaim') return claims.get(regarding.uid)?.phase !== 'Pending';
    return makers.has(regarding.kind) && !short.has(regarding.uid);
  };
}
