import type { CatalogueCheck, CheckRecord } from './model.ts';

/** What a check's vitest task carries from the worker to the reporter. */
export interface CheckMeta {
  readonly component: string;
  readonly type: string;
  readonly entry: CatalogueCheck;
  /** The check's record and its ancestors': an ancestor that a filter left out has no test of its own to carry it. */
  records?: readonly CheckRecord[];
}

declare module 'vitest' {
  export interface TaskMeta {
    assay?: CheckMeta;
  }
}
