import type { Component, ComponentStatus, DoorRecord, Level } from './model.ts';
import type { Row } from './rows.ts';

/** What one component came to: the first rule that holds. */
export function componentStatus(
  component: Component,
  rows: readonly Row[],
  door: DoorRecord | undefined,
  requiredLevels: readonly Level[],
  roots: (row: Row) => Row,
): ComponentStatus {
  const asked = rows.filter(({ selected }) => selected);
  const wrong = asked.filter(({ status }) => status !== 'passed' && status !== 'skipped');
  if (asked.every(({ status }) => status === 'unobserved' || status === 'skipped')) return 'Not Observed';

  const short = component.target !== null && door?.achieved != null && door.achieved < component.target;
  if (!short && !wrong.some(({ entry }) => requiredLevels.includes(entry.level))) return 'Complete';
  if (wrong.length > 0 && wrong.every(({ status }) => status === 'deferred')) return 'Deferred';

  const first = wrong.find(({ status }) => status === 'failed' || status === 'blocked');
  if (first && roots(first).component.id !== component.id) return 'Blocked';
  const shut = door?.state === 'closed' ? door.diagnosis?.class : undefined;
  if (shut === 'not-deployed' || shut === 'name-resolution') return 'Not Deployed';
  return first || short ? 'Failed' : 'Not Observed';
}
