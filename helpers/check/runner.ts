import { expect } from 'vitest';
import type { CheckRecord, DoorRecord, Observation, Outcome } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { Cancelled, DeadlineExceeded, Finding, NotApplicable } from '../diagnose/finding.ts';
import { outcomeOf } from '../diagnose/outcome.ts';
import { doorCheckRecord } from '../door-outcome.ts';
import { openScratch, type Scratch } from '../scratch.ts';
import type { Service, Target } from '../service.ts';
import { limiter } from './limiter.ts';
import type { Check, Context } from './spec.ts';

/** Bodies at once in one worker: enough to hide waiting, few enough to be a good guest. */
const WIDTH = 12;

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
  /** Called when all that a check needs has passed, before its body begins: where a proof's fault begins. */
  readonly beforeBody?: (id: string) => Promise<void>;
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
  const limit = limiter(WIDTH);
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
    if (stage.readOnly && (spec.writes?.length ?? 0) > 0) return record(id, readOnly());
    for (const need of spec.needs ?? []) {
      const above = await run(need, cancel);
      const inherited = inherit(above);
      if (inherited) return record(id, inherited);
    }
    await stage.beforeBody?.(id);
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
    const stop = new AbortController();
    try {
      const body = async (): Promise<Observation> => {
        const opened = await open();
        const base = {
          component,
          door: stage.door,
          scratch,
          expect,
          signal: stop.signal,
          observe: (facts: Observation) => {
            partial = { ...partial, ...facts };
          },
          fail: (diagnosis: ConstructorParameters<typeof Finding>[0]): never => {
            throw new Finding(diagnosis);
          },
          skip: (name: string, value: NotApplicable['predicate']['value']): never => {
            throw new NotApplicable(name, value);
          },
        };
        return check.body({ ...base, [service.type]: opened } as Context<Name, Client>);
      };
      const seen = await bounded(body, check.id, budgetMs, stop, cancel);
      const observed = { ...partial, ...seen };
      if (Object.keys(observed).length === 0) throw new TypeError(`${check.id} passed without an observation`);
      return { status: 'passed', observed, earned: 1000 };
    } catch (error) {
      return outcomeOf(
        error,
        service,
        stage.target,
        check.spec.otherwise,
        Object.keys(partial).length ? partial : null,
      );
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

const readOnly = (): Outcome => ({
  status: 'unobserved',
  diagnosis: {
    class: 'our-side',
    cause: 'the run is read-only and this check writes',
    remedy: 'run without --read-only, and with `allow: [write]` in the phase file',
    evidence: 'read-only',
  },
});

const noScratch: Scratch = {
  name(kind) {
    throw new TypeError(`a check that declares no writes asked for a scratch ${kind}`);
  },
};
