import type { Service } from '../service.ts';
import { createRunner, type Runner, type Stage } from './runner.ts';
import type { Check } from './spec.ts';

/** The checks of a component as a proof meets them: by id, with a way to run them on a stage of the proof's making. */
export interface Provable {
  readonly service: Service;
  readonly checks: ReadonlyMap<string, Check>;
  readonly runOn: (stage: Stage) => Runner;
}

const checks = new Map<string, Check>();
const provable = new Map<string, Provable>();

/** Keeps a check for the proofs of this file. All checks of one type share a stage, whatever suite file they are in. */
export function registerForProof<Name extends string, Client extends AsyncDisposable>(
  service: Service<Name, Client>,
  check: Check<Name, Client>,
): void {
  checks.set(check.id, check as unknown as Check);
  const plain = service as unknown as Service;
  provable.set(check.id, {
    service: plain,
    checks,
    runOn: (stage) => createRunner(plain, checks as ReadonlyMap<string, Check<string, AsyncDisposable>>, stage),
  });
}

export function provableCheck(id: string): Provable {
  const found = provable.get(id);
  if (!found) throw new Error(`${id} is not declared by any suite file that this proof imports`);
  return found;
}
