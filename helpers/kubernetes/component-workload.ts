import { z } from 'zod';
import type { Component, Diagnosis, DoorRecord, Observation } from '../../reports/model.ts';
import { causesOfWorkload, fold, warningsByUid } from '../diagnose/pods.ts';
import { type Census, itemsOf, type Wanted } from './census.ts';
import { COUNTED, platformHealth, type WorkloadHealth } from './health.ts';
import type { Kind } from './kinds.ts';
import type { Claim, Labels, Pod } from './objects.ts';

/** What of the cluster tells of a component's pods; null: the phase does not say in which namespace they are. */
export const wantedOf = ({ workload }: Component): Wanted | null =>
  workload === undefined
    ? null
    : {
        kinds: [...COUNTED, 'services', 'endpointSlices', 'claims', 'warnings', 'policyReports'],
        namespaces: [workload.namespace],
      };

/** A component as Kubernetes sees it. */
export interface ComponentWorkload {
  readonly ready: number;
  /** What its controllers ask for, or what the phase promises where that is more. */
  readonly desired: number;
  /** Since when all of them are ready; null: they are not. */
  readonly since: string | null;
  /** Claims that its pods mount, such as `data-kafka-0 Bound 10Gi local-path`. */
  readonly storage: readonly string[];
  /** Why no pod of it can answer, or why its Service leads to none; null: Kubernetes shows no reason. */
  readonly explanation: Diagnosis | null;
}

/**
 * Looks a component's pods up in the census. Throws a Finding where a kind could not be listed that has a part in it, and a TypeError for a
 * component of which the phase does not say where it runs.
 */
export function workloadOf(component: Component, census: Census): ComponentWorkload {
  const { workload, target } = component;
  if (workload === undefined) throw new TypeError(`the phase does not say where ${component.id} runs`);
  const all = platformHealth(census, [workload.namespace], {}).workloads;
  const own = ownOf(component.id, workload.selector, all);
  const ready = own.reduce((sum, each) => sum + each.ready, 0);
  const desired = Math.max(
    target ?? 0,
    own.reduce((sum, each) => sum + each.desired, 0),
  );
  const sinces = own.flatMap(({ pods }) => pods.flatMap(({ readySince }) => readySince ?? []));
  const whole = ready > 0 && ready >= desired;
  return {
    ready,
    desired,
    since: whole ? (sinces.sort().at(-1) ?? null) : null,
    storage: storageOf(
      own.flatMap(({ pods }) => pods),
      workload.namespace,
      census,
    ),
    explanation:
      own.length === 0
        ? notDeployed(component, workload.namespace, all, census)
        : ready === 0
          ? unready(component, workload.namespace, own, census)
          : misledService(workload, census),
  };
}

/**
 * Labels that charts and operators put a component's own name in. `instance` comes last: a release that brings ZooKeeper along gives it the
 * same one. Source: kubernetes.io, "Recommended Labels"; strimzi.io and docs.ray.io for their operators'.
 */
const NAMING = [
  'app.kubernetes.io/name',
  'app',
  'strimzi.io/cluster',
  'ray.io/cluster',
  'app.kubernetes.io/instance',
] as const;

/** Jobs come and go beside a component: they are none of its pods. */
function ownOf(id: string, selector: Labels | null, all: readonly WorkloadHealth[]): readonly WorkloadHealth[] {
  const lasting = all.filter(({ kind }) => kind !== 'Job');
  const labelled = (holds: (labels: Labels) => boolean): readonly WorkloadHealth[] =>
    lasting.filter(({ pods }) => pods.some(({ labels }) => holds(labels)));
  const named = namedLike(id, lasting);
  // What was refused has no pods, and no labels that we see.
  const withPodless = (found: readonly WorkloadHealth[]): readonly WorkloadHealth[] => [
    ...found,
    ...named.filter((each) => each.pods.length === 0 && !found.includes(each)),
  ];
  if (selector !== null)
    return withPodless(labelled((labels) => Object.entries(selector).every(([key, value]) => labels[key] === value)));
  for (const key of NAMING) {
    const found = labelled((labels) => labels[key] === id);
    if (found.length > 0) return withPodless(found);
  }
  return named;
}

/** The one of that very name, before all that only begin with it: `kafka` is not `kafka-ui`. */
function namedLike(id: string, all: readonly WorkloadHealth[]): readonly WorkloadHealth[] {
  const exact = all.filter(({ name }) => name === id);
  return exact.length > 0 ? exact : all.filter(({ name }) => name.startsWith(`${id}-`));
}

function notDeployed(
  { id, title }: Component,
  namespace: string,
  all: readonly WorkloadHealth[],
  { listings }: Census,
): Diagnosis {
  const there = all.map(({ kind, name }) => `${kind} ${name}`);
  const unserved = COUNTED.flatMap((kind: Kind) => {
    const listing = listings[kind];
    return listing?.state === 'absent' ? listing.resource : [];
  });
  return {
    class: 'not-deployed',
    cause: `${title} is not deployed: nothing in namespace ${namespace} asks for pods of it`,
    remedy: `kubectl -n ${namespace} get pods --show-labels: apply its manifest, or give \`selector\` or \`namespace\` of ${id} in the phase file`,
    evidence: [
      `there: ${there.length > 0 ? there.slice(0, LISTED).join(', ') : 'no workloads'}`,
      ...(there.length > LISTED ? [`and ${there.length - LISTED} more`] : []),
      ...(unserved.length > 0 ? [`kinds that the cluster does not serve: ${unserved.join(', ')}`] : []),
    ].join('; '),
    subject: `workload of ${id}`,
  };
}

const LISTED = 10;

function unready({ title }: Component, namespace: string, own: readonly WorkloadHealth[], census: Census): Diagnosis {
  const warnings = warningsByUid(itemsOf(census, 'warnings', [namespace]));
  const causes = fold(own.flatMap((each) => causesOfWorkload(each, warnings)));
  // A StatefulSet makes no pod before the one that is not ready: that those to come are missing explains nothing, however many they are.
  const known = causes.filter(({ diagnosis }) => diagnosis.class !== 'unexplained');
  const [first, ...others] = known.length > 0 ? known : causes;
  const [workload] = own as readonly [WorkloadHealth];
  if (!first)
    return {
      class: 'unexplained',
      cause: `${title} has no ready pod, and none that is not ready`,
      remedy: `kubectl -n ${namespace} describe ${workload.kind.toLowerCase()} ${workload.name}`,
      evidence: `${workload.kind} ${namespace}/${workload.name}: 0 of ${workload.desired} ready`,
      subject: `${workload.kind} ${namespace}/${workload.name}`,
    };
  const { diagnosis } = first;
  const claims =
    diagnosis.class === 'volume'
      ? unbound(
          own.flatMap(({ unready }) => unready),
          namespace,
          census,
        )
      : [];
  const more = others.map((other) => `also: ${other.diagnosis.cause}`);
  const look = unreadyName(own);
  return {
    ...diagnosis,
    remedy: diagnosis.remedy.includes('kubectl')
      ? diagnosis.remedy
      : `${diagnosis.remedy}; look: kubectl -n ${namespace} describe ${look}`,
    evidence: [diagnosis.evidence, ...claims, ...more, ...audited(own, namespace, census)].join('; '),
  };
}

function unreadyName(own: readonly WorkloadHealth[]): string {
  const pod = own.flatMap(({ unready }) => unready)[0];
  const [{ kind, name }] = own as readonly [WorkloadHealth];
  return pod ? `pod ${pod.name}` : `${kind.toLowerCase()} ${name}`;
}

function claimsOf(pods: readonly Pod[], namespace: string, census: Census): Claim[] {
  const mounted = new Set(pods.flatMap(({ claims }) => claims));
  return itemsOf(census, 'claims', [namespace]).filter(({ name }) => mounted.has(name));
}

const storageOf = (pods: readonly Pod[], namespace: string, census: Census): string[] =>
  claimsOf(pods, namespace, census).map(({ name, phase, capacity, requested, storageClass }) =>
    [name, phase, capacity ?? requested ?? 'of no size', storageClass ?? '(the default class)'].join(' '),
  );

function unbound(pods: readonly Pod[], namespace: string, census: Census): string[] {
  return claimsOf(pods, namespace, census)
    .filter(({ phase }) => phase !== 'Bound')
    .map(({ name, phase, storageClass }) => `claim ${name} is ${phase}, of class ${storageClass ?? '(the default)'}`);
}

/** Source: Policy WG, PolicyReport v1alpha2. */
const Report = z.object({
  scope: z.object({ kind: z.string(), name: z.string() }).optional(),
  results: z
    .array(
      z.object({
        policy: z.string(),
        rule: z.string().optional(),
        result: z.string(),
        resources: z.array(z.object({ kind: z.string(), name: z.string() })).optional(),
      }),
    )
    .default([]),
});

/** What policies in audit mode hold against the pods: it lets them in, so it is never the cause, but it is the next thing to stop them. */
function audited(own: readonly WorkloadHealth[], namespace: string, { listings }: Census): string[] {
  if (listings.policyReports?.state !== 'listed') return [];
  const about = new Set(
    own.flatMap(({ kind, name, pods }) => [`${kind}/${name}`, ...pods.map((pod) => `Pod/${pod.name}`)]),
  );
  const failures = listings.policyReports.items
    .filter((report) => report.namespace === namespace)
    .flatMap(({ object }) => {
      const { scope, results } = Report.parse(object);
      return results
        .filter(({ result }) => result === 'fail')
        .filter(({ resources }) =>
          (resources ?? (scope ? [scope] : [])).some(({ kind, name }) => about.has(`${kind}/${name}`)),
        )
        .map(({ policy, rule }) => `audit fails policy ${policy}${rule === undefined ? '' : `, rule ${rule}`}`);
    });
  return [...new Set(failures)];
}

/** Only where the phase names the Service: a component may be met at an Ingress or at its pods. */
function misledService({ namespace, service }: NonNullable<Component['workload']>, census: Census): Diagnosis | null {
  if (service === null) return null;
  const there = itemsOf(census, 'services', [namespace]);
  const subject = `Service ${namespace}/${service}`;
  if (!there.some(({ name }) => name === service))
    return {
      class: 'misconfigured',
      cause: `${subject} does not exist, and its pods are ready`,
      remedy: `kubectl -n ${namespace} get services: write the one that is meant in the phase file and in what connects to it`,
      evidence: `Services in ${namespace}: ${there.map(({ name }) => name).join(', ') || 'none'}`,
      subject,
    };
  const slices = itemsOf(census, 'endpointSlices', [namespace]).filter((each) => each.service === service);
  if (slices.some(({ endpoints }) => endpoints.some(({ ready }) => ready))) return null;
  const selector = there.find(({ name }) => name === service)?.selector ?? null;
  return {
    class: 'misconfigured',
    cause: `${subject} has no ready endpoint, and its pods are ready`,
    remedy: `kubectl -n ${namespace} get endpointslices -l kubernetes.io/service-name=${service}: make its selector that of the pods' labels`,
    evidence: `selector ${JSON.stringify(selector)}, ${slices.flatMap(({ endpoints }) => endpoints).length} endpoints, none ready`,
    subject,
  };
}

/** What a shut door comes to when nobody could have opened it: there an answer of something else stays what it is. */
const SILENT: ReadonlySet<string> = new Set(['name-resolution', 'refused', 'unreachable', 'slow', 'unexplained']);

type Seen = Pick<DoorRecord, 'state' | 'diagnosis' | 'achieved' | 'workload'>;

/**
 * The door with what Kubernetes knows of it. A door that opens outvotes the census, which may have looked at other pods.
 * @param cut we stopped knocking because no pod of it is ready
 */
export function explained<Door extends Seen>(door: Door, workload: ComponentWorkload, cut: boolean): Door {
  const { ready, desired, since, storage, explanation } = workload;
  const counted: Observation = {
    pods: `${ready}/${desired}`,
    ...(since === null ? {} : { readySince: since }),
    ...(storage.length === 0 ? {} : { storage }),
  };
  const whole = { ...door, achieved: door.achieved ?? ready, workload: counted };
  if (door.state === 'open' || door.diagnosis === null || explanation === null) return whole;
  if (!cut && !SILENT.has(door.diagnosis.class)) return whole;
  const knocked = cut ? 'no longer knocked at, as no pod is ready' : door.diagnosis.cause;
  return {
    ...whole,
    state: 'closed',
    diagnosis: { ...explanation, evidence: `${explanation.evidence}; the door: ${knocked}` },
  };
}
