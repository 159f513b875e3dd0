import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/kubernetes.ts';
import type { Pod } from '../../helpers/kubernetes/objects.ts';

const check = suite(service);

const SHOWN = 20;

const nameOf = ({ namespace, name }: Pick<Pod, 'namespace' | 'name'>): string => `${namespace}/${name}`;
/** Pods of one workload have the same flaws: they are told of once. */
const ownerOf = (pod: Pod): string =>
  pod.owner ? `${pod.owner.kind} ${pod.namespace}/${pod.owner.name}` : `Pod ${nameOf(pod)}`;

check(
  'kubernetes.pod-security',
  {
    level: 'security',
    claim:
      'Every container keeps to the restricted Pod Security Standard: no root, no escalation, no capabilities, seccomp, no hostPath',
    otherwise: {
      class: 'misconfigured',
      remedy: "mend the securityContext in the workload's template; the operator's settings where it makes the pods",
    },
  },
  async ({ kubernetes, fail }) => {
    const pods = kubernetes.items('pods');
    const flaws = new Map<string, string[]>();
    for (const pod of pods) {
      const own = [
        ...pod.containers.flatMap(({ name, flaws: of }) => of.map((flaw) => `container ${name} ${flaw}`)),
        ...pod.hostPaths.map((path) => `mounts ${path} of its node`),
      ];
      if (own.length > 0) flaws.set(ownerOf(pod), own);
    }
    const [first] = flaws;
    if (first)
      fail({
        cause: `${first[0]}: ${first[1][0]}${flaws.size > 1 ? `, and ${flaws.size - 1} more workloads have flaws` : ''}`,
        evidence: [...flaws]
          .slice(0, SHOWN)
          .map(([who, own]) => `${who}: ${own.join(', ')}`)
          .join('\n'),
        subject: first[0],
      });
    const enforced = kubernetes
      .items('namespaces')
      .map(({ name, labels }) => [name, labels['pod-security.kubernetes.io/enforce'] ?? 'privileged']);
    return { pods: pods.length, enforced: Object.fromEntries(enforced) };
  },
);

check(
  'kubernetes.images.pinned',
  {
    level: 'hygiene',
    claim: 'Every image is named by a digest or by a tag that stays, and none by a repository that is given up',
    otherwise: {
      class: 'misconfigured',
      remedy: 'name a version, or better the digest; a restart may bring another image, or none',
    },
  },
  async ({ kubernetes, fail }) => {
    const images = [
      ...new Set(kubernetes.items('pods').flatMap((pod) => pod.containers.map(({ image }) => image))),
    ].sort();
    const loose = images.filter((image) => !isPinned(image));
    const [first] = loose;
    if (first !== undefined)
      fail({
        cause: `image ${first} may be another one tomorrow${loose.length > 1 ? `, and ${loose.length - 1} more` : ''}`,
        evidence: loose.slice(0, SHOWN).join('\n'),
        subject: `image ${first}`,
      });
    // Bitnami moved what it had there to bitnamilegacy on 2025-08-28, and keeps few tags.
    const given = images.find((image) => /(^|\/)bitnami\//.test(image));
    if (given !== undefined)
      fail({
        cause: `image ${given} is of a repository that is given up`,
        remedy: 'take the image of its own project, or of the operator that runs it',
        evidence: given,
        subject: `image ${given}`,
      });
    return { images: images.length, byDigest: images.filter((image) => image.includes('@')).length };
  },
);

function isPinned(image: string): boolean {
  if (image.includes('@')) return true;
  const [, tag] = image.slice(image.lastIndexOf('/') + 1).split(':');
  return tag !== undefined && tag !== 'latest';
}

check(
  'kubernetes.pdb-probes-limits',
  {
    level: 'hygiene',
    claim: 'What runs on has a readiness probe, requests and a memory limit, and every quorum a disruption budget',
    otherwise: {
      class: 'misconfigured',
      remedy: 'add what the evidence names to the workload; without a readiness probe Ready says nothing',
    },
  },
  async ({ kubernetes, fail }) => {
    const running = kubernetes
      .items('pods')
      .filter(({ owner, phase }) => owner?.kind !== 'Job' && phase !== 'Succeeded' && phase !== 'Failed');
    const lacks = new Map<string, string[]>();
    for (const pod of running) {
      const own = pod.containers.flatMap(({ name, role, probes, bounded }) => [
        ...(role === 'main' && !probes.readiness ? [`container ${name} has no readiness probe`] : []),
        ...(bounded ? [] : [`container ${name} has no requests or no memory limit`]),
      ]);
      if (own.length > 0) lacks.set(ownerOf(pod), own);
    }
    const budgets = kubernetes.items('disruptionBudgets');
    for (const set of [...kubernetes.items('statefulSets'), ...kubernetes.items('strimziPodSets')]) {
      const member = running.find(({ owner }) => owner?.uid === set.uid);
      const covered = budgets.some(
        ({ namespace, selector, expressions }) =>
          namespace === set.namespace &&
          (expressions || Object.entries(selector).every(([name, value]) => member?.labels[name] === value)),
      );
      if (set.desired >= 3 && member !== undefined && !covered)
        lacks.set(`${set.kind} ${set.namespace}/${set.name}`, [
          'has no PodDisruptionBudget: a drain may take its quorum',
        ]);
    }
    const [first] = lacks;
    if (first)
      fail({
        cause: `${first[0]}: ${first[1][0]}${lacks.size > 1 ? `, and ${lacks.size - 1} more workloads lack something` : ''}`,
        evidence: [...lacks]
          .slice(0, SHOWN)
          .map(([who, own]) => `${who}: ${own.join(', ')}`)
          .join('\n'),
        subject: first[0],
      });
    const containers = running.flatMap((pod) => pod.containers).filter(({ role }) => role === 'main');
    return {
      containers: containers.length,
      withLivenessProbe: containers.filter(({ probes }) => probes.liveness).length,
      budgets: budgets.length,
    };
  },
);
