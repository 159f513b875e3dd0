import { absent, apply, type Manifest, merge, readManifests } from '../../fixtures/platform/kubernetes/apply.ts';
import type { FaultContext } from '../../helpers/check/proof.ts';
import { type KubernetesApi, type KubernetesObject, openApi } from '../../helpers/kubernetes/api.ts';
import { readAccess } from '../../helpers/kubernetes/kubeconfig.ts';
import { until } from '../../helpers/poll.ts';

const PLATFORM = new URL('../../fixtures/platform/kubernetes/platform.yaml', import.meta.url).pathname;

/** Controllers that are told of a change have acted on it within this; the slowest is the scheduler's retry. */
const SETTLES_MS = 30_000;

export const DATA = '/api/v1/namespaces/data-platform';
export const ML = '/api/v1/namespaces/ml-platform';
export const APPS = '/apis/apps/v1/namespaces/data-platform';

type Body = { readonly metadata?: object; readonly spec?: object; readonly status?: object };

/** The cluster in an administrator's hands. */
export interface Hands {
  get(path: string): Promise<KubernetesObject>;
  items(path: string): Promise<readonly KubernetesObject[]>;
  merge(path: string, change: Body, subresource?: string): Promise<KubernetesObject>;
  apply(...manifests: readonly Manifest[]): Promise<void>;
  remove(path: string): Promise<void>;
  /** Asks for its deletion, and does not wait for it. */
  leave(path: string): Promise<void>;
  /** Waits until it is so. */
  becomes(look: () => Promise<boolean>): Promise<void>;
  /** Brings everything back to platform.yaml: as it is written there, and with every pod running or done. */
  restore(): Promise<void>;
}

/**
 * Breaks one thing of the local cluster, by the API.
 * @param work does it, and returns how it is undone, where putting platform.yaml back does not undo it
 */
export const breaking =
  (work: (hands: Hands) => Promise<((hands: Hands) => Promise<unknown>) | undefined>) =>
  async ({ env }: FaultContext): Promise<AsyncDisposable> => {
    const kubeconfig = env.KUBERNETES_ADMIN_KUBECONFIG ?? '';
    const api = await openApi(await readAccess({ kubeconfig, context: null, uid: null }));
    const hands = handsOf(api, AbortSignal.timeout(2 * SETTLES_MS));
    const mend = async (undo?: (hands: Hands) => Promise<unknown>): Promise<void> => {
      await undo?.(hands);
      await hands.restore();
      await api[Symbol.asyncDispose]();
    };
    try {
      const undo = await work(hands);
      return { [Symbol.asyncDispose]: () => mend(undo) };
    } catch (error) {
      await mend();
      throw error;
    }
  };

function handsOf(api: KubernetesApi, signal: AbortSignal): Hands {
  const items = async (path: string): Promise<readonly KubernetesObject[]> =>
    ((await api.ask('GET', path, signal)) as { items: readonly KubernetesObject[] }).items;
  const becomes = async (look: () => Promise<boolean>): Promise<void> => {
    await until(
      async () => ((await look()) ? true : undefined),
      AbortSignal.any([signal, AbortSignal.timeout(SETTLES_MS)]),
    );
  };
  return {
    get: (path) => api.ask('GET', path, signal) as Promise<KubernetesObject>,
    items,
    merge: (path, change, subresource) => merge(api, path, change, signal, subresource),
    apply: (...manifests) => apply(api, manifests, signal),
    async remove(path) {
      const find = (): Promise<KubernetesObject | undefined> =>
        api.ask('GET', path, signal).catch(absent) as Promise<KubernetesObject | undefined>;
      const before = await find();
      // Nobody waits for a simulated process to end.
      const query = { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' };
      await api.ask('DELETE', path, signal, { query }).catch(absent);
      // A controller may have made another of that name by now.
      await becomes(async () => (await find())?.metadata.uid !== before?.metadata.uid || before === undefined);
    },
    leave: async (path) => void (await api.ask('DELETE', path, signal)),
    becomes,
    async restore() {
      await apply(api, await readManifests(PLATFORM), signal);
      await becomes(async () => {
        const workloads = await Promise.all([
          ...['deployments', 'statefulsets'].map((kind) => items(`${APPS}/${kind}`)),
          items('/apis/apps/v1/namespaces/ml-platform/daemonsets'),
        ]);
        return workloads.flat().every(isWhole);
      });
    },
  };
}

/** All pods of the newest template are ready, and there are no others. */
function isWhole({ metadata, spec, status = {} }: KubernetesObject): boolean {
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  const wanted = spec.replicas ?? status.desiredNumberScheduled;
  const [ready, updated] = [
    status.readyReplicas ?? status.numberReady ?? 0,
    status.updatedReplicas ?? status.updatedNumberScheduled ?? 0,
  ];
  return ready === wanted && updated === wanted && (status.replicas ?? wanted) === wanted;
}

/** The first pod of an app in the namespace data-platform. */
export async function podOf(hands: Hands, app: string): Promise<KubernetesObject> {
  const [pod] = await hands.items(`${DATA}/pods?labelSelector=app%3D${app}`);
  if (!pod) throw new Error(`there is no pod of ${app}`);
  return pod;
}

export const pathOfPod = ({ metadata }: KubernetesObject): string => `${DATA}/pods/${metadata.name}`;

/** A status as a kubelet would write it for a pod whose first container is in this state. */
export function unreadyStatus(pod: KubernetesObject, state: object, rest: object = {}): Body {
  const [first, ...others] = pod.status.containerStatuses;
  const conditions = pod.status.conditions.map((each: { type: string }) =>
    each.type === 'Ready' || each.type === 'ContainersReady'
      ? { ...each, status: 'False', reason: 'ContainersNotReady', message: 'containers are not ready' }
      : each,
  );
  const container = { ...first, ready: false, started: false, state, ...rest };
  return { status: { conditions, containerStatuses: [container, ...others] } };
}

/** Deletes the pod, so that its controller makes another: what was written to its status goes with it. */
export const replacing =
  (pod: KubernetesObject) =>
  (hands: Hands): Promise<void> =>
    hands.remove(pathOfPod(pod));

/** A pod of no workload that keeps to every rule, but for what is given. */
export const barePod = (namespace: string, name: string, container: object = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'main',
        image: 'example.org/data/tool:1.0.0',
        readinessProbe: { tcpSocket: { port: 80 } },
        resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '16Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        ...container,
      },
    ],
  },
});

export const isRunning = (hands: Hands, path: string) => async (): Promise<boolean> =>
  (await hands.get(path)).status?.phase === 'Running';

/** As its reporter writes it. */
export const warningOf = (pod: KubernetesObject, name: string, reason: string, note: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace: 'data-platform' },
  involvedObject: {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'data-platform',
    name: pod.metadata.name,
    uid: pod.metadata.uid,
  },
  type: 'Warning',
  reason,
  message: note,
  source: { component: 'kubelet' },
  count: 4,
  firstTimestamp: new Date().toISOString(),
  lastTimestamp: new Date(Date.now() + 1_000).toISOString(),
});
