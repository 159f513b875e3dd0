import type { CauseClass, Diagnosis, Observation, Outcome } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import type { Service, Target } from '../service.ts';
import { Cancelled, DeadlineExceeded, Finding, NotApplicable } from './finding.ts';
import { causes, diagnoseWire } from './wire.ts';

/** What a check says of itself when its assertion does not hold. */
export interface Otherwise {
  readonly class: CauseClass;
  readonly remedy: string;
}

const HARNESS_ERRORS = [TypeError, ReferenceError, RangeError, SyntaxError];

/**
 * What a thrown thing means for the check that threw it. The rule: what the wire said is `failed`, known or not; a refusal of
 * our own rights, a cancelled run, a stalled event loop and a mistake in our code are `unobserved`, and never the platform's fault.
 */
export function outcomeOf(
  error: unknown,
  service: Pick<Service, 'diagnose'>,
  target: Target,
  otherwise: Otherwise,
  observed: Observation | null,
): Outcome {
  if (error instanceof NotApplicable) return { status: 'skipped', predicate: error.predicate };
  if (error instanceof Cancelled) return unobserved(cutShort());
  if (error instanceof Finding) return settle(error.diagnosis, observed);
  if (error instanceof DeadlineExceeded) return settle(late(error), observed);
  if (error instanceof Error && error.name === 'AssertionError') {
    const evidence = firstLines(error.message);
    return settle({ ...otherwise, cause: evidence.split('\n')[0] ?? evidence, evidence }, observed);
  }
  const diagnosis = service.diagnose(error, target) ?? diagnoseWire(error, target.component.title);
  if (diagnosis) return settle(diagnosis, observed);
  if (HARNESS_ERRORS.some((kind) => error instanceof kind) && [...causes(error)].length === 1)
    return unobserved(harness(error));
  return settle(
    {
      class: 'unexplained',
      cause: `${target.component.title} answered with an error that we have no explanation for`,
      remedy: 'read the evidence and the log of the service',
      evidence: describe(error),
    },
    observed,
  );
}

function settle(diagnosis: Diagnosis, observed: Observation | null): Outcome {
  const notTheirs = diagnosis.class === 'our-side' || diagnosis.class === 'authorization';
  return notTheirs ? unobserved(diagnosis) : { status: 'failed', diagnosis, observed };
}

const unobserved = (diagnosis: Diagnosis): Outcome => ({ status: 'unobserved', diagnosis });

function late(error: DeadlineExceeded): Diagnosis {
  if (error.late > BUDGETS.stall)
    return {
      class: 'our-side',
      cause: `our own process stood still for ${error.late} ms`,
      remedy: 'run on a machine with processor time to spare',
      evidence: error.message,
    };
  return {
    class: 'slow',
    cause: error.message,
    remedy: 'look into the log of the service for what it was doing; it accepted the request and never finished it',
    evidence: error.message,
  };
}

export const cutShort = (): Diagnosis => ({
  class: 'our-side',
  cause: 'the run was cut short',
  remedy: 'run again and let it finish',
  evidence: 'cancelled',
});

function harness(error: unknown): Diagnosis {
  return {
    class: 'our-side',
    cause: 'the check itself is broken',
    remedy: 'report it: this is a defect of the suite, not of the platform',
    evidence: describe(error),
  };
}

const firstLines = (text: string): string => text.split('\n').slice(0, 12).join('\n').slice(0, 2_000);

export function describe(error: unknown): string {
  return firstLines([...causes(error)].map((e) => `${e.name}: ${e.message}`).join('; ') || String(error));
}
