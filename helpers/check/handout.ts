import type { DoorRecord, Phase } from '../../reports/model.ts';
import type { SeenCluster } from '../kubernetes/cluster.ts';
import type { Secrets } from '../service.ts';
import type { Processes } from './disruption.ts';

/** What the launcher hands to the workers. Crosses a thread, so plain data; holds secrets, so it is never written anywhere. */
export interface Handout {
  readonly runId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly phase: Phase;
  readonly secrets: { readonly [component: string]: Secrets };
  readonly doors: readonly DoorRecord[];
  /** The phase's cluster as preflight saw it; null: there is none, or it could not be looked at. */
  readonly cluster: SeenCluster | null;
  readonly readOnly: boolean;
  readonly disrupt: boolean;
  readonly selection: { readonly only: readonly string[]; readonly levels: readonly string[] };
  /** The scratch ledger's file; null in a read-only run. */
  readonly ledger: string | null;
  /** True: the suites hand their checks to proofs instead of running them. */
  readonly proving: boolean;
  /** The local platform's exports, for the faults of proofs, and its process ids by component and name, for those and for disruptive checks. */
  readonly local: {
    readonly env: { readonly [name: string]: string | undefined };
    readonly processes: { readonly [component: string]: Processes };
  };
}

declare module 'vitest' {
  export interface ProvidedContext {
    assay: Handout;
  }
}
