import type { Path } from '../reports/model.ts';

/** Where a logical address is dialled, and what kind of way that is. Proofs put a fault proxy here. */
export interface Route {
  readonly path: Path;
  /** `host:port` as the service calls itself to `host:port` as we dial it. Must answer at once: kafkajs asks synchronously. */
  dial(logical: string): string;
}

/** Dials every address as it is. */
export const direct = (path: Path): Route => ({ path, dial: (logical) => logical });
