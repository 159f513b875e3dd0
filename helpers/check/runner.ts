import { expect } from 'vitest';
import type { CheckRecord, Diagnosis, DoorRecord, Observation, Outcome, Path } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { Cancelled, DeadlineExceeded, Finding, NotApplicable } from '../diagnose/finding.ts';
import { outcomeOf } from '../diagnose/outcome.ts';
import { doorCheckRecord } from '../door-outcome.ts';
import { earnedAt, LEAST_SAMPLES, type Objective, percentile } from '../objective.ts';
import { openScratch, type Scratch } from '../scratch.ts';
import type { Service, Target } from '../service.ts';
import type { Disruption } from './disruption.ts';
import { limiter } from './limiter.ts';
import type { BaseContext, Check, CheckSpec, Context } from './spec.ts';

/** Bodies at once in one worker: enough to hide waiting, few enough to be a good guest. */
const WIDTH = 12;

/** On these ways what is measured is the service; any other adds a time of its own. */
const MEASURABLE: ReadonlySet<Path> = new Set(['in-cluster', 'loopback']);

/** What a component's checks are run with: the same for a run and for a proof. */
export interface Stage {
  readonly runId: string;
  readonly startedAt: number;
  readonly target: Target;
  readonly door: DoorRecord;
  /** Doors of the components that this one needs, in the phase's order. */
  readonly neededDoors: readonly DoorRecord[];
  readonly readOnly: boolean;
  readonly ledger: string | null;
  /** Sets the scratch names of this stage apart from those of others in the same run. */
  readonly scratchLabel?: string;
  /** Null: the platform may not be disturbed, or we know no way to. */
  readonly disruption: Disruption | null;
}

export interface Runner extends AsyncDisposable {
  /** Runs the check with all that it needs, once: whoever asks first runs it, every later one gets the same record. */
  run(id: string, cancel: AbortSignal): Promise<CheckRecord>;
  /** The check's record and those of its needs, as far as they ran. */
  records(id: string): Promise<CheckRecord[]>;
}

export function createRunner<Name extends string, Client extends AsyncDisposable>(
  service: Service<Name, Client>,
  checks: ReadonlyMap<string, Check<Name, Client>>,
  stage: Stage,
): Runner {
  const { component } = stage.target;
  const memo = new Map<string, Promise<CheckRecord>>();
  const together = limiter(WIDTH);
  const alone = limiter(1);
  const scratch =
    stage.ledger === null ? noScratch : openScratch(stage.ledger, stage.runId, component.id, stage.scratchLabel);
  let client: Promise<Client> | null = null;
  const open = (): Promise<Client> => {
    client ??= service.open(stage.target, AbortSignal.timeout(BUDGETS.attempt));
    return client;
  };

  const find = (id: string): Check<Name, Client> => {
    const check = checks.get(id);
    if (!check) throw new Error(`${id} is not declared above the check that needs it`);
    return check;
  };

  const record = (check: string, outcome: Outcome, rest?: Partial<CheckRecord>): CheckRecord => ({
    component: component.id,
    check,
    outcome,
    attempts: 0,
    durationMs: 0,
    startedMs: Math.max(0, Date.now() - stage.startedAt),
    ...rest,
  });

  function run(id: string, cancel: AbortSignal): Promise<CheckRecord> {
    let pending = memo.get(id);
    if (!pending) {
      pending = perform(find(id), cancel);
      memo.set(id, pending);
    }
    return pending;
  }

  async function perform(check: Check<Name, Client>, cancel: AbortSignal): Promise<CheckRecord> {
    const { id, spec } = check;
    const closed = stage.neededDoors.find((door) => door.state !== 'open');
    if (id === service.door)
      return closed && stage.door.state !== 'open'
        ? doorCheckRecord(stage.door, heldBy(closed))
        : doorCheckRecord(stage.door);
    if (closed) return record(id, heldBy(closed));
    if (stage.door.state !== 'open') return record(id, heldBy(stage.door));
    const barred = notHere(spec, stage);
    if (barred) return record(id, { status: 'unobserved', diagnosis: barred });
    for (const need of spec.needs ?? []) {
      const above = await run(need, cancel);
      const inherited = inherit(above);
      if (inherited) return record(id, inherited);
    }
    const limit = spec.level === 'performance' || spec.disruptive ? alone : together;
    return limit(() => attempt(check, cancel));
  }

  async function attempt(check: Check<Name, Client>, cancel: AbortSignal): Promise<CheckRecord> {
    const { id, spec } = check;
    const startedMs = Date.now() - stage.startedAt;
    const began = performance.now();
    const deadline = spec.deadlineMs ?? BUDGETS.check;
    const tries = spec.attempts ?? 1;
    for (let n = 1; ; n++) {
      const left = deadline - (performance.now() - began);
      const outcome = await once(check, left, cancel);
      const again = outcome.status === 'failed' && n < tries && performance.now() - began < deadline && !cancel.aborted;
      if (again) continue;
      return record(id, outcome, { attempts: n, durationMs: Math.round(performance.now() - began), startedMs });
    }
  }

  async function once(check: Check<Name, Client>, budgetMs: number, cancel: AbortSignal): Promise<Outcome> {
    let partial: Observation = {};
    let earned: number | null = null;
    const { level, otherwise } = check.spec;
    const stop = new AbortController();
    const base: BaseContext = {
      component,
      door: stage.door,
      scratch,
      expect,
      signal: stop.signal,
      disruption: check.spec.disruptive && stage.disruption ? stage.disruption : noDisruption,
      observe(facts) {
        partial = { ...partial, ...facts };
      },
      fail(diagnosis) {
        throw new Finding({ ...otherwise, ...diagnosis });
      },
      skip(name, value) {
        throw new NotApplicable(name, value);
      },
      grade(samples, share, objective) {
        if (level !== 'performance') throw new TypeError(`${check.id} is measured, and its level is ${level}`);
        if (samples.length < LEAST_SAMPLES) throw new Finding(tooFew(samples.length));
        const measured = percentile(samples, share);
        earned = earnedAt(measured, objective);
        if (earned === null) throw new Finding(tooSlow(measured, share, objective, otherwise.remedy));
        return measured;
      },
    };
    try {
      const body = async (): Promise<Observation> =>
        check.body({ ...base, [service.type]: await open() } as Context<Name, Client>);
      const seen = await bounded(body, check.id, budgetMs, stop, cancel);
      const observed = { ...partial, ...seen };
      if (Object.keys(observed).length === 0) throw new TypeError(`${check.id} passed without an observation`);
      if (level === 'performance' && earned === null) throw new TypeError(`${check.id} passed without a measurement`);
      return { status: 'passed', observed, earned: earned ?? 1_000 };
    } catch (error) {
      return outcomeOf(error, service, stage.target, otherwise, Object.keys(partial).length ? partial : null);
    }
  }

  return {
    run,
    async records(id) {
      const ids = new Set<string>();
      const visit = (each: string): void => {
        ids.add(each);
        for (const need of find(each).spec.needs ?? []) visit(need);
      };
      visit(id);
      return Promise.all([...ids].flatMap((each) => memo.get(each) ?? []));
    },
    async [Symbol.asyncDispose]() {
      // A cancelled test ends for vitest at once; its body is still at work here.
      await Promise.allSettled(memo.values());
      const opened = await client?.catch(() => null);
      await opened?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * Runs the body until it ends or its budget is over. When the run is cancelled the body is told, and has a little time to come to an end by
 * itself: what it is just creating must exist before the sweep looks for it.
 */
async function bounded<T>(
  body: () => Promise<T>,
  what: string,
  budgetMs: number,
  stop: AbortController,
  cancel: AbortSignal,
): Promise<T> {
  const due = performance.now() + budgetMs;
  const { promise: cut, reject } = Promise.withResolvers<never>();
  const late = (): Error => new DeadlineExceeded(what, Math.round(budgetMs), Math.round(performance.now() - due));
  const timers = [
    setTimeout(() => {
      const reason = late();
      reject(reason);
      stop.abort(reason);
    }, budgetMs),
  ];
  const onCancel = (): void => {
    stop.abort(new Cancelled());
    timers.push(setTimeout(() => reject(new Cancelled()), BUDGETS.cancel));
  };
  if (cancel.aborted) throw new Cancelled();
  cancel.addEventListener('abort', onCancel, { once: true });
  try {
    return await Promise.race([body(), cut]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    cancel.removeEventListener('abort', onCancel);
    stop.abort(new Cancelled());
  }
}

function heldBy(door: DoorRecord): Outcome {
  if (door.state === 'unobserved' && door.diagnosis) return { status: 'unobserved', diagnosis: door.diagnosis };
  return { status: 'blocked', by: { component: door.component, check: door.check } };
}

/** A failed or blocked ancestor blocks, an unobserved one leaves unobserved, a skipped one skips by the same predicate. */
function inherit(above: CheckRecord): Outcome | null {
  switch (above.outcome.status) {
    case 'passed':
      return null;
    case 'failed':
    case 'blocked':
      return { status: 'blocked', by: { component: above.component, check: above.check } };
    case 'unobserved':
    case 'skipped':
      return above.outcome;
  }
}

/** Why a check can't be made in this run, whatever the service does. */
function notHere({ writes = [], level, disruptive }: CheckSpec, stage: Stage): Diagnosis | null {
  if (stage.readOnly && writes.length > 0)
    return {
      class: 'our-side',
      cause: 'the run is read-only and this check writes',
      remedy: 'run without --read-only, and with `allow: [write]` in the phase file',
      evidence: 'read-only',
    };
  const { path } = stage.target.route;
  if (level === 'performance' && !MEASURABLE.has(path))
    return {
      class: 'our-side',
      cause: `the path is ${path}, which adds a time of its own to whatever is measured`,
      remedy: 'run inside the cluster, with `path: in-cluster` in the phase file',
      evidence: `path ${path}`,
    };
  if (disruptive && stage.disruption === null)
    return {
      class: 'our-side',
      cause: 'there is no way for us to disturb this platform',
      remedy: 'run it with --disrupt on the local platform, or prove it there by hand',
      evidence: 'no process of this platform is ours to stop',
    };
  return null;
}

const tooFew = (samples: number): Diagnosis => ({
  class: 'our-side',
  cause: `${samples} samples were taken, ${LEAST_SAMPLES} are the least`,
  remedy: 'report it: this is a defect of the suite, not of the platform',
  evidence: `${samples} samples`,
});

const tooSlow = (measured: number, share: number, { target, limit }: Objective, remedy: string): Diagnosis => ({
  class: 'slow',
  cause: `p${share * 100} is ${round(measured)}, over the limit of ${limit}`,
  remedy,
  evidence: `p${share * 100} ${round(measured)}, target ${target}, limit ${limit}`,
});

const round = (measured: number): number => Math.round(measured * 10) / 10;

const noDisruption: Disruption = {
  pause(name) {
    throw new TypeError(`a check that is not disruptive asked to pause ${name}`);
  },
  restart(name) {
    throw new TypeError(`a check that is not disruptive asked to restart ${name}`);
  },
};

const noScratch: Scratch = {
  name(kind) {
    throw new TypeError(`a check that declares no writes asked for a scratch ${kind}`);
  },
};
