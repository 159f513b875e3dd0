import type { CatalogueCheck, Component } from '../../reports/model.ts';
import { plural } from '../../reports/words.ts';
import { askedComponents, isSelected } from '../selection.ts';
import type { RunFlags } from './flags.ts';
import type { Prepared } from './prepare.ts';

/** What a run would ask, in its order, without asking it: `--list`. */
export function plan({ phase, catalogue, selection }: Prepared, flags: RunFlags): string {
  const readOnly = flags.readOnly || !phase.writes;
  const why = (component: Component, check: CatalogueCheck): string | null => {
    if (!isSelected(selection, component)) return 'not selected';
    if (selection.levels.length > 0 && !selection.levels.includes(check.level)) return 'not selected';
    if (check.disruptive && !flags.disrupt) return 'disturbs the platform: only with --disrupt';
    return readOnly && check.writes.length > 0 ? `writes ${check.writes.join(', ')}: not in a read-only run` : null;
  };
  let asked = 0;
  const lines = phase.components.flatMap((component) => {
    const checks = (catalogue[component.type] ?? []).map((check) => {
      const not = why(component, check);
      if (not === null) asked++;
      const needs = check.needs.length > 0 ? `, after ${check.needs.join(', ')}` : '';
      return ` ${not === null ? '+' : '-'} ${check.id} (${check.level}${needs})${not === null ? '' : `: ${not}`}`;
    });
    const needs = component.needs.length > 0 ? `, needs ${component.needs.join(', ')}` : '';
    return [
      `${component.title} (${component.id}) at ${Object.values(component.endpoints).flat().join(', ')}${needs}`,
      ...checks,
    ];
  });
  const doors = askedComponents(phase, selection).length;
  return [
    ...lines,
    `${plural(asked, 'check')} behind ${plural(doors, 'door')} on ${phase.target.name} (${phase.target.path})`,
  ].join('\n');
}
