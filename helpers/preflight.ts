import type { Component, Diagnosis, DoorRecord, Phase } from '../reports/model.ts';
import { BUDGETS } from './budgets.ts';
import { describe } from './diagnose/outcome.ts';
import { diagnoseWire } from './diagnose/wire.ts';
import { type Cluster, openCluster, type SeenCluster } from './kubernetes/cluster.ts';
import { type ComponentWorkload, explained, wantedOf, workloadOf } from './kubernetes/component-workload.ts';
import { until } from './poll.ts';
import { direct } from './route.ts';
import type { Knock, Secrets, Service, Target } from './service.ts';

export interface PreflightOptions {
  readonly phase: Phase;
  /** The components that are asked, with those that they need. */
  readonly components: readonly Component[];
  readonly secrets: ReadonlyMap<string, Secrets>;
  readonly services: ReadonlyMap<string, Service>;
  /** Component's id to what is missing on this machine, where our own platform could not start it. */
  readonly missing: ReadonlyMap<string, string>;
  /** Is told what a kubeconfig holds that must not stand in any output. */
  readonly secret: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface Preflight {
  readonly doors: readonly DoorRecord[];
  readonly tookMs: number;
  /** Null: the phase has no cluster, or it could not be looked at. */
  readonly cluster: SeenCluster | null;
}

/** One look at every door, all at once: a dead service costs one connect budget in all, not one per check. */
export async function preflight(options: PreflightOptions): Promise<Preflight> {
  const began = performance.now();
  const { phase, components, services, secret } = options;
  const wanted = components.flatMap(
    (component) => services.get(component.type)?.census?.(component) ?? wantedOf(component) ?? [],
  );
  const cluster =
    phase.cluster && wanted.length > 0
      ? openCluster(phase.cluster, wanted, direct(phase.target.path).dial, secret)
      : null;
  const doors = await Promise.all(components.map((component) => door(component, cluster, options)));
  const seen = cluster === null ? null : await cluster.seen();
  return { doors, tookMs: Math.round(performance.now() - began), cluster: seen };
}

async function door(
  component: Component,
  cluster: Cluster | null,
  { phase, secrets, services, missing, signal }: PreflightOptions,
): Promise<DoorRecord> {
  const began = performance.now();
  const service = services.get(component.type);
  if (!service) throw new Error(`nothing in helpers/connect/ knows the type ${component.type}`);
  const target: Target = {
    component,
    secrets: secrets.get(component.id) ?? { password: null },
    route: direct(phase.target.path),
    ...(cluster ? { cluster } : {}),
  };
  const remedy = missing.get(component.id);
  const seen = remedy === undefined ? await knockBeside(service, target, signal) : notStarted(target, remedy);
  return { component: component.id, check: service.door, durationMs: Math.round(performance.now() - began), ...seen };
}

/**
 * Knocks while the census is taken. Where that shows no ready pod, a door that is silent still has a second: a census that looked at the wrong
 * pods must not shut a door that would have opened, and a dead component must not cost its whole budget.
 */
async function knockBeside(service: Service, target: Target, signal: AbortSignal): Promise<Knock> {
  const { component, cluster } = target;
  if (!cluster || component.workload === undefined) return knockSafely(service, target, signal);
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const looked = lookUp(component, cluster, AbortSignal.any([signal, AbortSignal.timeout(BUDGETS.preflight)])).then(
    (workload) => {
      if (!(workload instanceof Error) && workload.ready === 0 && workload.explanation !== null)
        timer = setTimeout(() => cut.abort(new DOMException('no pod is ready', 'TimeoutError')), BUDGETS.unready);
      return workload;
    },
  );
  const knock = await knockSafely(service, target, AbortSignal.any([signal, cut.signal]));
  const workload = await looked;
  clearTimeout(timer);
  if (workload instanceof Error) return { ...knock, workload: { pods: `not to be known: ${workload.message}` } };
  return explained(knock, workload, cut.signal.aborted);
}

/** A cluster that can not be looked at is no fault of the component's, which is judged by its door alone. */
async function lookUp(component: Component, cluster: Cluster, signal: AbortSignal): Promise<ComponentWorkload | Error> {
  try {
    return workloadOf(component, await cluster.census(signal));
  } catch (error) {
    return error instanceof Error ? error : new Error(describe(error));
  }
}

/** A knock that breaks is our own fault, unless it is the wire that speaks through it. */
export async function knockSafely(service: Service, target: Target, signal: AbortSignal): Promise<Knock> {
  const budget = AbortSignal.any([signal, AbortSignal.timeout(BUDGETS.preflight)]);
  try {
    return await service.knock(target, budget);
  } catch (error) {
    const known = service.diagnose(error, target) ?? diagnoseWire(error, target.component.title);
    const diagnosis: Diagnosis = known ?? {
      class: 'our-side',
      cause: `preflight could not look at ${target.component.title}`,
      remedy: 'report it: this is a defect of the suite, not of the platform',
      evidence: describe(error),
    };
    return closedDoor(target, diagnosis);
  }
}

function closedDoor({ component, route }: Target, diagnosis: Diagnosis): Knock {
  const ours = diagnosis.class === 'our-side' || diagnosis.class === 'authorization';
  return {
    state: ours ? 'unobserved' : 'closed',
    diagnosis,
    endpoints: Object.values(component.endpoints)
      .flat()
      .map((logical) => ({ logical, dialled: route.dial(logical), path: route.path })),
    version: null,
    achieved: null,
    observed: {},
  };
}

const notStarted = (target: Target, remedy: string): Knock =>
  closedDoor(target, {
    class: 'our-side',
    cause: `the local platform could not start ${target.component.title} on this machine`,
    remedy,
    evidence: 'a prerequisite is missing',
  });

/** Repeats preflight until every door is open and whole, and stays so for one more look, or the time is over. */
export async function settle(
  options: PreflightOptions,
  waitMs: number,
  progress: (line: string) => void,
): Promise<Preflight> {
  const over = performance.now() + waitMs;
  let before = '';
  return until(
    async () => {
      const look = await preflight(options);
      const notYet = look.doors.filter((each) => each.state !== 'open' || each.diagnosis !== null);
      const now = look.doors
        .map((each) => `${each.component} ${each.state} ${each.achieved} ${each.diagnosis?.cause ?? ''}`)
        .join('\n');
      const still = now === before;
      if (!still && notYet.length > 0)
        progress(
          `waiting for ${notYet.map((each) => `${each.component} (${each.diagnosis?.cause ?? each.state})`).join(', ')}`,
        );
      before = now;
      return (notYet.length === 0 && still) || performance.now() >= over ? look : undefined;
    },
    options.signal,
    Math.min(BUDGETS.settle, waitMs),
  );
}
