import type { CauseClass } from './model.ts';

/** What a proof's vitest task carries to the launcher. */
export interface ProofMeta {
  readonly check: string;
  readonly fault: string;
  readonly expected: CauseClass;
  /** A scripted peer stands in for what the local service lacks, with the fault and without. */
  readonly scripted: boolean;
  /** The predicate by which the check does not apply to this platform, so that there is nothing to prove on it. */
  inapplicable?: string;
  /** What the check said under its fault: `failed: slow`, in the words of its outcome. Absent: the proof did not come so far. */
  seen?: string;
}

declare module 'vitest' {
  export interface TaskMeta {
    proof?: ProofMeta;
  }
}
