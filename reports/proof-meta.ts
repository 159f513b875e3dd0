import type { CauseClass } from './model.ts';

/** What a proof's vitest task carries to the launcher. */
export interface ProofMeta {
  readonly check: string;
  readonly fault: string;
  readonly expected: CauseClass;
  /** What the check said under its fault: `failed: slow`, in the words of its outcome. Absent: the proof did not come so far. */
  seen?: string;
}

declare module 'vitest' {
  export interface TaskMeta {
    proof?: ProofMeta;
  }
}
