import { createHash } from 'node:crypto';
import type { Diagnosis, Evidence, Json, Observation, Outcome } from './model.ts';

const times = ({ readySince, pods }: Observation): Observation => ({
  ...(readySince === undefined ? {} : { readySince }),
  ...(pods === undefined ? {} : { pods }),
});

/**
 * Evidence that may leave the house: what was judged stays, what was read does not. Bodies are gone, names and addresses are hashed, the
 * same name to the same hash within one run, numbers stay. It renders to the same verdict, score and points.
 */
export function minimal(evidence: Evidence): Evidence {
  const hash = (text: string): string =>
    `#${createHash('sha256').update(`${evidence.run.id} ${text}`).digest('hex').slice(0, 10)}`;
  const addressed = evidence.phase.components
    .flatMap(({ endpoints }) => Object.values(endpoints).flat())
    .flatMap((address) => [address, address.replace(/^\w+:\/\//, '').replace(/:\d+.*$/, '')]);
  const known = [
    ...evidence.doors.map((door) => door.diagnosis),
    ...evidence.checks.map(({ outcome }) => ('diagnosis' in outcome ? outcome.diagnosis : null)),
  ];
  // Of `image registry/app:1` and `pod namespace/name` the kind stays.
  const inCluster = known.flatMap((each) =>
    each?.shared && each.subject ? each.subject.replace(/^\S+( of)? /, '') : [],
  );
  const names = [...new Set([...addressed, ...inCluster].filter((name) => name.length > 2))].sort(
    (a, b) => b.length - a.length,
  );
  const words = (text: string): string => names.reduce((rest, name) => rest.replaceAll(name, hash(name)), text);
  const value = (json: Json): Json => {
    if (typeof json === 'string') return hash(json);
    if (Array.isArray(json)) return json.map(value);
    if (json !== null && typeof json === 'object')
      return Object.fromEntries(Object.entries(json).map(([key, inner]) => [words(key), value(inner)]));
    return json;
  };
  const observation = (seen: Observation): Observation =>
    Object.fromEntries(Object.entries(seen).map(([fact, json]) => [words(fact), value(json)]));
  const diagnosis = (known: Diagnosis): Diagnosis => ({
    ...known,
    cause: words(known.cause),
    ...(known.subject === undefined ? {} : { subject: words(known.subject) }),
    evidence: hash(known.evidence),
  });
  const outcome = (known: Outcome): Outcome => {
    switch (known.status) {
      case 'passed':
        return { ...known, observed: observation(known.observed) };
      case 'failed':
        return {
          ...known,
          diagnosis: diagnosis(known.diagnosis),
          observed: known.observed && observation(known.observed),
        };
      case 'unobserved':
        return { ...known, diagnosis: diagnosis(known.diagnosis) };
      case 'blocked':
      case 'skipped':
        return known;
    }
  };
  const addresses = (list: readonly string[]): string[] => list.map(hash);
  return {
    ...evidence,
    phase: {
      ...evidence.phase,
      file: hash(evidence.phase.file),
      notes: null,
      components: evidence.phase.components.map((component) => ({
        ...component,
        endpoints: Object.fromEntries(
          Object.entries(component.endpoints).map(([name, list]) => [name, addresses(list)]),
        ),
        tls: component.tls && {},
        credentials: null,
        ...(component.workload && {
          workload: { namespace: hash(component.workload.namespace), service: null, selector: null },
        }),
        settings: {},
      })),
      ...(evidence.phase.cluster && { cluster: { ...evidence.phase.cluster, kubeconfig: null, context: null } }),
    },
    doors: evidence.doors.map((door) => ({
      ...door,
      diagnosis: door.diagnosis && diagnosis(door.diagnosis),
      endpoints: door.endpoints.map(({ logical, dialled, path }) => ({
        logical: hash(logical),
        dialled: hash(dialled),
        path,
      })),
      observed: observation(door.observed),
      ...(door.workload === undefined ? {} : { workload: { ...observation(door.workload), ...times(door.workload) } }),
    })),
    checks: evidence.checks.map((record) => ({ ...record, outcome: outcome(record.outcome) })),
    cleanup: evidence.cleanup && {
      ...evidence.cleanup,
      left: evidence.cleanup.left.map((each) => ({ ...each, name: hash(each.name), why: words(each.why) })),
    },
  };
}
