import type { ExpectStatic } from 'vitest';
import type {
  CatalogueCheck,
  Component,
  Diagnosis,
  DoorRecord,
  Json,
  Level,
  Observation,
} from '../../reports/model.ts';
import type { Otherwise } from '../diagnose/outcome.ts';
import type { Objective } from '../objective.ts';
import type { Scratch } from '../scratch.ts';
import type { Disruption } from './disruption.ts';

/** The declared part of a check: all that a reader of the suite must know before its body. */
export interface CheckSpec {
  readonly level: Level;
  /** One sentence that is true of a healthy service. */
  readonly claim: string;
  /** Ids above it in the same file that must have passed first. */
  readonly needs?: readonly string[];
  /** Kinds of scratch object that it creates. */
  readonly writes?: readonly string[];
  /** Disturbs the platform: it runs after all other checks, alone, and only where --disrupt allows it. Its file is disruption.test.ts. */
  readonly disruptive?: true;
  /** Milliseconds for the body with all its attempts. */
  readonly deadlineMs?: number;
  /** Tries in all, where the first may come too early. A pass after a retry is flaky. */
  readonly attempts?: number;
  /** What it means when the body's assertion does not hold, and what mends it. */
  readonly otherwise: Otherwise;
}

export interface BaseContext {
  readonly component: Component;
  readonly door: DoorRecord;
  readonly scratch: Scratch;
  /** vitest's own; `soft`, `poll` and counted assertions need a test around them, and a body has none. */
  readonly expect: ExpectStatic;
  /** Aborted at the check's deadline and when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Keeps facts that hold even if the body fails later. */
  observe(facts: Observation): void;
  /** Ends the check as failed by this diagnosis; what it leaves out is what the check says under `otherwise`. */
  fail(diagnosis: Partial<Diagnosis> & Pick<Diagnosis, 'cause' | 'evidence'>): never;
  /** Ends the check as not applicable, by a predicate that was observed in this run. */
  skip(predicate: string, value: Json): never;
  /**
   * Measures a performance check: the percentile of its samples, in the objective's unit, decides what a pass earns, and fails it over the limit.
   * Too few samples leave it unobserved.
   * @param share of 1, such as 0.99 @returns the percentile
   */
  grade(samples: readonly number[], share: number, objective: Objective): number;
  /** The means of a disruptive check. */
  readonly disruption: Disruption;
}

export type Context<Name extends string, Client> = BaseContext & { readonly [K in Name]: Client };

/** Does it and returns what it saw. A body that saw nothing does not type-check. */
export type Body<Name extends string, Client> = (context: Context<Name, Client>) => Promise<Observation>;

export interface Check<Name extends string = string, Client = unknown> {
  readonly id: string;
  readonly spec: CheckSpec;
  readonly body: Body<Name, Client>;
}

export function catalogueEntry({ id, spec }: Pick<Check, 'id' | 'spec'>): CatalogueCheck {
  return {
    id,
    level: spec.level,
    claim: spec.claim,
    needs: spec.needs ?? [],
    writes: spec.writes ?? [],
    disruptive: spec.disruptive ?? false,
  };
}
