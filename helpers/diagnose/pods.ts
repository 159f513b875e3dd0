import type { Diagnosis } from '../../reports/model.ts';
import type { WorkloadHealth } from '../kubernetes/health.ts';
import type { Container, Ended, Event, Pod } from '../kubernetes/objects.ts';

/** One thing at fault, and the pods that it holds back. */
export interface PodCause {
  readonly diagnosis: Diagnosis & { readonly subject: string };
  readonly pods: number;
}

/** Warnings by the uid of what they are about, the newest first. */
export type Warnings = ReadonlyMap<string, readonly Event[]>;

export function warningsByUid(events: readonly Event[]): Warnings {
  const byUid = Map.groupBy(events, ({ regarding }) => regarding.uid);
  for (const own of byUid.values()) own.sort((a, b) => (a.at < b.at ? 1 : -1));
  return byUid;
}

type Explained = Diagnosis & { readonly subject: string };

/** What keeps a workload's pods from being ready, one entry for each thing at fault, the one that holds back most first. */
export function causesOfWorkload(workload: WorkloadHealth, warnings: Warnings): PodCause[] {
  const found: { diagnosis: Explained; pods: number }[] = workload.unready.map((pod) => ({
    diagnosis: diagnosePod(pod, warnings),
    pods: 1,
  }));
  if (workload.missing > 0) found.push({ diagnosis: diagnoseMissing(workload, warnings), pods: workload.missing });
  return fold(found);
}

/** One entry for each subject, however many workloads suffer from it. */
export function fold(causes: readonly PodCause[]): PodCause[] {
  const bySubject = Map.groupBy(causes, ({ diagnosis }) => diagnosis.subject);
  return [...bySubject.values()]
    .map((own) => ({
      diagnosis: { ...(own[0] as PodCause).diagnosis, shared: true as const },
      pods: own.reduce((sum, { pods }) => sum + pods, 0),
    }))
    .sort((a, b) => b.pods - a.pods);
}

const nameOf = ({ namespace, name }: Pick<Pod, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** Why a pod is not ready: what a person finds by describing it, and reading the first thing that is wrong. */
export function diagnosePod(pod: Pod, warnings: Warnings): Explained {
  if (pod.unschedulable !== null) return unschedulable(pod, pod.unschedulable);
  for (const container of pod.containers) {
    const found = diagnoseContainer(pod, container, warnings);
    if (found) return found;
  }
  const where = nameOf(pod);
  if (pod.phase === 'Unknown' || pod.reason === 'NodeLost')
    return {
      class: 'unreachable',
      cause: `the node of pod ${where} does not tell of it any more`,
      remedy: `kubectl describe node ${pod.node}: look whether it is up and its kubelet runs`,
      evidence: `phase ${pod.phase}, reason ${pod.reason}, node ${pod.node}`,
      subject: `node ${pod.node}`,
    };
  const probe = warnings.get(pod.uid)?.find(({ reason }) => reason === 'Unhealthy');
  if (pod.phase === 'Running')
    return {
      class: 'crash',
      cause: `pod ${where} runs and is not ready${probe ? `: ${firstLine(probe.note)}` : ''}`,
      remedy: 'read the log of the containers that are not ready, and ask by hand what their readiness probe asks',
      evidence:
        probe?.note ?? `not ready: ${names(pod.containers.filter(({ ready, role }) => !ready && role !== 'init'))}`,
      subject: `pod ${where}`,
    };
  const [event] = warnings.get(pod.uid) ?? [];
  const gone = pod.phase === 'Failed';
  return {
    class: gone ? 'crash' : 'unexplained',
    cause: `pod ${where} is ${pod.phase}${pod.reason ? ` (${pod.reason})` : ''}${pod.node === null ? ' and no scheduler has looked at it' : ''}`,
    remedy: `kubectl -n ${pod.namespace} describe pod ${pod.name}`,
    evidence: event
      ? `${event.reason}: ${event.note}`
      : (pod.message ?? `phase ${pod.phase}, no warning in the last hour`),
    subject: `pod ${where}`,
  };
}

const names = (containers: readonly Container[]): string => containers.map(({ name }) => name).join(', ') || 'none';

/** Source: kube-scheduler's messages, from which its plug-ins' own words are known. */
function unschedulable(pod: Pod, message: string): Explained {
  const claim =
    /persistentvolumeclaim "([^"]+)" not found|unbound immediate PersistentVolumeClaims|didn't find available persistent volumes|volume node affinity conflict/.exec(
      message,
    );
  if (claim)
    return {
      class: 'volume',
      cause: `pod ${nameOf(pod)} waits for its volume: ${firstLine(message)}`,
      remedy: `kubectl -n ${pod.namespace} describe pvc ${pod.claims.join(' ')}: check that the storage class exists and its provisioner runs`,
      evidence: message,
      subject: `claim ${pod.namespace}/${pod.claims.join(', ')}`,
    };
  return {
    class: 'unschedulable',
    cause: `no node takes pod ${nameOf(pod)}: ${firstLine(message)}`,
    remedy: 'add room or nodes, or lower what the pod asks for (requests, nodeSelector, tolerations, anti-affinity)',
    evidence: message,
    subject: `scheduling of ${pod.owner ? `${pod.namespace}/${pod.owner.name}` : nameOf(pod)}`,
  };
}

/** Reasons for which a container's image is not there. Source: kubelet, pkg/kubelet/images/types.go. */
const IMAGE = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'ImageInspectError',
  'InvalidImageName',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);
/** Source: kubelet, pkg/kubelet/kuberuntime/kuberuntime_container.go. */
const CONFIGURATION = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
]);

function diagnoseContainer(pod: Pod, container: Container, warnings: Warnings): Explained | null {
  const { state, last, name, role } = container;
  const kind = role === 'init' ? 'init container' : 'container';
  const who = `${kind} ${name} of pod ${nameOf(pod)}`;
  if (state?.is === 'terminated' && (role !== 'init' || state.exitCode !== 0)) return crashed(pod, who, state);
  if (state?.is !== 'waiting') return null;
  const { reason, message } = state;
  if (IMAGE.has(reason)) return imageUnavailable(pod, container, warnings);
  if (reason === 'CrashLoopBackOff')
    return crashed(pod, who, last ?? { reason, exitCode: 0, message, finishedAt: null });
  if (CONFIGURATION.has(reason))
    return {
      class: 'misconfigured',
      cause: `${who} can not be created: ${firstLine(message ?? reason)}`,
      remedy: 'create the ConfigMap, Secret or key that the message names, or mend the command',
      evidence: `${reason}: ${message ?? ''}`,
      subject: `pod ${nameOf(pod)}`,
    };
  if (reason === 'ContainerCreating') {
    const mount = warnings
      .get(pod.uid)
      ?.find((each) => each.reason === 'FailedMount' || each.reason === 'FailedAttachVolume');
    if (mount)
      return {
        class: 'volume',
        cause: `pod ${nameOf(pod)} can not mount its volume: ${firstLine(mount.note)}`,
        remedy: 'look at the volume, and at the Secret or ConfigMap that the message names',
        evidence: mount.note,
        subject: `pod ${nameOf(pod)}`,
      };
  }
  return null;
}

const PULL_RULES: readonly { readonly said: RegExp; readonly why: string; readonly remedy: string }[] = [
  {
    said: /toomanyrequests|rate limit/i,
    why: 'the registry limits how often we pull',
    remedy: 'give the pod a pull secret of an account with a higher limit, or mirror the image',
  },
  {
    said: /x509|certificate/i,
    why: "the nodes do not trust the registry's certificate",
    remedy: "install the registry's authority on the nodes",
  },
  {
    said: /i\/o timeout|connection refused|no such host|dial tcp/i,
    why: 'the nodes can not reach the registry',
    remedy: 'check DNS, proxy and egress rules of the nodes',
  },
  {
    said: /no match for platform|no matching manifest/i,
    why: "the image is not made for the nodes' architecture",
    remedy: 'take an image of this architecture, or nodes of that one',
  },
  {
    said: /insufficient_scope|pull access denied|unauthorized|authentication required|denied/i,
    why: 'the registry does not let us pull it: it is private, or the repository is gone',
    remedy: 'check the name of the repository, and give the pod an imagePullSecret that the registry knows',
  },
  {
    said: /manifest unknown|not found|no such/i,
    why: 'the tag or repository does not exist (any more)',
    remedy: 'name a tag that the registry has; images of docker.io/bitnami moved to bitnamilegacy in August 2025',
  },
];

/** What the pull itself said: the back-off's own message only names the image. */
export function imageUnavailable(pod: Pod, { name, image, state }: Container, warnings: Warnings): Explained {
  const said = state?.is === 'waiting' ? (state.message ?? '') : '';
  const reason = state?.is === 'waiting' ? state.reason : '';
  const pull = warnings.get(pod.uid)?.find((each) => each.reason === 'Failed' && each.note.includes(image));
  const told = pull?.note ?? said;
  const rule = PULL_RULES.find((each) => each.said.test(told));
  return {
    class: 'image-unavailable',
    cause: `image ${image} can not be pulled: ${rule?.why ?? (firstLine(told) || reason)}`,
    remedy: rule?.remedy ?? `kubectl -n ${pod.namespace} describe pod ${pod.name}`,
    evidence: `${nameOf(pod)}, container ${name}: ${reason}: ${told}`,
    subject: `image ${image}`,
  };
}

export const isImageMissing = ({ state }: Container): boolean => state?.is === 'waiting' && IMAGE.has(state.reason);

/** Why a container was started again. A liveness probe's kill looks like any other, but for its event. */
export function diagnoseRestart(pod: Pod, { name }: Container, last: Ended, warnings: Warnings): Explained {
  const found = crashed(pod, `container ${name} of pod ${nameOf(pod)}`, last);
  const probe = warnings
    .get(pod.uid)
    ?.find(({ reason, note }) => reason === 'Unhealthy' && note.startsWith('Liveness probe failed'));
  if (!probe || last.reason === 'OOMKilled') return found;
  return {
    ...found,
    cause: `container ${name} of pod ${nameOf(pod)} was killed by its liveness probe`,
    remedy: 'ask by hand what the probe asks; give it more time where the process is only slow',
    evidence: probe.note,
  };
}

function crashed(pod: Pod, who: string, { reason, exitCode, message }: Omit<Ended, 'finishedAt'>): Explained {
  const owner = pod.owner ? `${pod.namespace}/${pod.owner.name}` : nameOf(pod);
  const oom = reason === 'OOMKilled';
  const why = oom
    ? 'for want of memory under its limit'
    : exitCode === 137
      ? 'as it was killed: by its liveness probe, or by the node'
      : exitCode === 139
        ? 'by a segmentation fault: an image of another architecture, or a defect'
        : `with exit code ${exitCode}`;
  return {
    class: 'crash',
    cause: `${who} ended ${why}`,
    remedy: oom
      ? "raise the container's memory limit, or lower what the process takes"
      : `kubectl -n ${pod.namespace} logs ${pod.name} --previous`,
    evidence: `${reason}, exit code ${exitCode}${message ? `: ${message}` : ''}`,
    subject: `crash of ${owner}`,
  };
}

/** Pods that do not exist: what the controller that should have made them says. */
export function diagnoseMissing(workload: WorkloadHealth, warnings: Warnings): Explained {
  const who = `${workload.kind} ${workload.namespace}/${workload.name}`;
  if (workload.absent)
    return {
      class: 'not-deployed',
      cause: `${who} does not exist`,
      remedy: `apply its manifest, or take it out of \`workloads\` in the phase file`,
      evidence: `promised ${workload.desired} pods, no such object in namespace ${workload.namespace}`,
      subject: who,
    };
  if (workload.failed !== null)
    return {
      class: 'crash',
      cause: `${who} has failed: ${firstLine(workload.failed)}`,
      remedy: `kubectl -n ${workload.namespace} logs job/${workload.name}`,
      evidence: workload.failed,
      subject: who,
    };
  const told = refusalOf(workload, warnings);
  if (told !== null) return refused(workload, told);
  return {
    class: 'unexplained',
    cause: `${who} has ${workload.desired - workload.missing} of its ${workload.desired} pods, and nothing says why`,
    remedy: 'look whether its controller or operator runs, and read its log',
    evidence: workload.unobserved ? 'the controller has not seen its newest generation' : 'no warning in the last hour',
    subject: who,
  };
}

/** What a controller that could not create pods was told; null: nothing that we saw. */
export function refusalOf({ makers, refusal }: WorkloadHealth, warnings: Warnings): string | null {
  const events = makers.flatMap((uid) => warnings.get(uid) ?? []);
  return events.find(({ reason }) => reason === 'FailedCreate')?.note ?? refusal;
}

/** @param told the API server's words to the controller that wanted to create a pod */
export function refused(workload: Pick<WorkloadHealth, 'kind' | 'namespace' | 'name'>, told: string): Explained {
  const who = `${workload.kind} ${workload.namespace}/${workload.name}`;
  const webhook = /failed calling webhook "([^"]+)"/.exec(told)?.[1];
  if (webhook)
    return {
      class: 'admission-denied',
      cause: `nothing can be created while webhook ${webhook} does not answer`,
      remedy: 'bring the pods of the webhook up (Kyverno: kubectl -n kyverno get pods); its failurePolicy is Fail',
      evidence: told,
      subject: `webhook ${webhook}`,
    };
  const denier = /admission webhook "([^"]+)" denied the request/.exec(told)?.[1];
  const standard = /violates PodSecurity "([^"]+)"/.exec(told)?.[1];
  const quota = /exceeded quota: ([^,]+)/.exec(told)?.[1];
  const policy = /ValidatingAdmissionPolicy '([^']+)'/.exec(told)?.[1];
  const [by, remedy] = denier
    ? [
        `admission webhook ${denier}`,
        "mend the spec by the policy and rule in the evidence: in the workload's template, as its pods are refused",
      ]
    : standard
      ? [`Pod Security ${standard}`, "mend the securityContext of the workload's template by what the evidence names"]
      : quota
        ? [`quota ${quota}`, 'raise the quota, or lower what the namespace asks for']
        : policy
          ? [`policy ${policy}`, "mend the workload's template by what the evidence names"]
          : ['the API server', "mend the workload's template by what the evidence names"];
  return {
    class: 'admission-denied',
    cause: `${by} refuses the pods of ${who}`,
    remedy,
    evidence: told,
    subject: `admission of ${workload.namespace}/${workload.name}`,
  };
}

const firstLine = (text: string): string => text.split('\n')[0]?.slice(0, 240) ?? '';
