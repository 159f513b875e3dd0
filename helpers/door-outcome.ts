import type { CheckRecord, DoorRecord, Outcome } from '../reports/model.ts';

/** What preflight saw is the door check's own outcome. An open door with a diagnosis is one that lets us in but is not whole. */
export function doorOutcome(door: DoorRecord): Outcome {
  const observed = { ...door.observed, ...door.workload };
  if (door.diagnosis === null) return { status: 'passed', observed, earned: 1000 };
  if (door.state === 'unobserved') return { status: 'unobserved', diagnosis: door.diagnosis };
  return { status: 'failed', diagnosis: door.diagnosis, observed };
}

/** The record of the door's check, as preflight leaves it. */
export const doorCheckRecord = (door: DoorRecord, outcome: Outcome = doorOutcome(door)): CheckRecord => ({
  component: door.component,
  check: door.check,
  outcome,
  attempts: 1,
  durationMs: door.durationMs,
  startedMs: 0,
});
