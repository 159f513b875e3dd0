import type { Diagnosis, Json } from '../../reports/model.ts';

/** A check's own verdict on what it saw: thrown by a body that knows more than "the assertion did not hold". */
export class Finding extends Error {
  readonly diagnosis: Diagnosis;
  constructor(diagnosis: Diagnosis) {
    super(diagnosis.cause);
    this.name = 'Finding';
    this.diagnosis = diagnosis;
  }
}

/** Thrown when an observed predicate shows that a check does not apply here. */
export class NotApplicable extends Error {
  readonly predicate: { readonly name: string; readonly value: Json };
  constructor(name: string, value: Json) {
    super(`not applicable: ${name} = ${JSON.stringify(value)}`);
    this.name = 'NotApplicable';
    this.predicate = { name, value };
  }
}

/** A budget ran out while waiting. `late` is how many milliseconds after its time the timer fired: a measure of our own stall. */
export class DeadlineExceeded extends Error {
  readonly late: number;
  constructor(what: string, ms: number, late: number) {
    super(`${what}: no result within ${ms} ms`);
    this.name = 'DeadlineExceeded';
    this.late = late;
  }
}

/** The run was told to stop. */
export class Cancelled extends Error {
  constructor() {
    super('the run was cancelled');
    this.name = 'Cancelled';
  }
}
