import type { Catalogue, CheckRecord, Component, DoorRecord, Level, Phase, Scope } from '../reports/model.ts';
import { doorCheckRecord } from './door-outcome.ts';

/** What this run asks of what was promised. Empty lists ask for all. */
export interface Selection {
  readonly only: readonly string[];
  readonly levels: readonly Level[];
  /** Parts of checks' names or of suite files' paths: vitest does this part of the choosing. */
  readonly names: readonly string[];
}

export function scopeOf(selection: Selection): Scope | null {
  const { only, levels, names } = selection;
  return only.length + levels.length + names.length === 0 ? null : { only, levels, names };
}

export const isSelected = ({ only }: Selection, { id }: Component): boolean => only.length === 0 || only.includes(id);

/** The selected components with all that they need, in the phase's order: the doors to knock at. */
export function askedComponents(phase: Phase, selection: Selection): Component[] {
  const wanted = new Set<string>();
  const add = (component: Component): void => {
    if (wanted.has(component.id)) return;
    wanted.add(component.id);
    for (const each of phase.components) if (component.needs.includes(each.id)) add(each);
  };
  for (const component of phase.components) if (isSelected(selection, component)) add(component);
  return phase.components.filter(({ id }) => wanted.has(id));
}

/**
 * Adds what a run's records leave open: the check of a door that holds something back, which a selection may have left out, and
 * "not selected" for every promised check that the selection left out.
 */
export function completeRecords(
  phase: Phase,
  catalogue: Catalogue,
  doors: readonly DoorRecord[],
  records: readonly CheckRecord[],
  scope: Scope | null,
): CheckRecord[] {
  const has = new Set(records.map(({ component, check }) => `${component}/${check}`));
  const holding = new Set(
    records.flatMap(({ outcome }) =>
      outcome.status === 'blocked' ? [`${outcome.by.component}/${outcome.by.check}`] : [],
    ),
  );
  const shut = doors
    .filter(({ component, check }) => holding.has(`${component}/${check}`) && !has.has(`${component}/${check}`))
    .map((door) => doorCheckRecord(door));
  const all = [...records, ...shut];
  if (scope === null) return all;
  const known = new Set(all.map(({ component, check }) => `${component}/${check}`));
  const leftOut = phase.components.flatMap((component) =>
    (catalogue[component.type] ?? [])
      .filter(({ id }) => !known.has(`${component.id}/${id}`))
      .map(({ id }) => notSelected(component.id, id)),
  );
  return [...all, ...leftOut];
}

const notSelected = (component: string, check: string): CheckRecord => ({
  component,
  check,
  outcome: {
    status: 'unobserved',
    notSelected: true,
    diagnosis: {
      class: 'our-side',
      cause: 'not selected',
      remedy: 'run without a selection',
      evidence: 'selection of this run',
    },
  },
  attempts: 0,
  durationMs: 0,
  startedMs: 0,
});
