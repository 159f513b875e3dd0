import type { Service } from '../service.ts';
import { createRunner, type Runner, type Stage } from './runner.ts';
import type { Check } from './spec.ts';

/** A suite file's checks as a proof meets them: by id, with a way to run one on a stage of the proof's making. */
export interface Provable {
  readonly service: Service;
  readonly runOn: (stage: Stage) => Runner;
}

const provable = new Map<string, Provable>();

export function registerForProof<Name extends string, Client extends AsyncDisposable>(
  service: Service<Name, Client>,
  checks: ReadonlyMap<string, Check<Name, Client>>,
  id: string,
): void {
  provable.set(id, { service: service as unknown as Service, runOn: (stage) => createRunner(service, checks, stage) });
}

export function provableCheck(id: string): Provable {
  const found = provable.get(id);
  if (!found) throw new Error(`${id} is not declared by any suite file that this proof imports`);
  return found;
}
