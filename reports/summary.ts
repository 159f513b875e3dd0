import type { Evidence, Report, ReportComponent } from './model.ts';

/** Goals sum what their components promise and what their doors saw; nobody types a total. */
export function goalsOf({ phase, doors }: Evidence): Report['goals'] {
  return Object.entries(phase.goals).map(([goal, ids]) => {
    const parts = phase.components.filter(({ id }) => ids.includes(id));
    const target = parts.reduce((sum, each) => sum + (each.target ?? 0), 0);
    const seen = (id: string): number => doors.find(({ component }) => component === id)?.achieved ?? 0;
    const achieved = parts.reduce((sum, each) => sum + Math.min(seen(each.id), each.target ?? 0), 0);
    const units = new Set(parts.map(({ unit }) => unit));
    const unit = (units.size === 1 ? [...units][0] : undefined) ?? 'instances';
    return {
      goal,
      target: counted(target, unit),
      achieved: counted(achieved, unit),
      percent: target === 0 ? 0 : Math.floor((achieved * 100) / target),
    };
  });
}

const counted = (size: number, unit: string): string => `${size} ${size === 1 ? unit.replace(/s$/, '') : unit}`;

/** How far each step of the phase has come, by the points of its components. */
export function stagesOf({ phase }: Evidence, components: readonly ReportComponent[]): Report['stages'] {
  return Object.entries(phase.stages).map(([stage, { of, estimate }]) => {
    const own = components.filter(({ id }) => of.includes(id));
    const declared = own.reduce((sum, { points }) => sum + points, 0);
    const earned = own.reduce((sum, each) => sum + each.earned, 0);
    return { stage, of, estimate, percent: declared === 0 ? null : Math.floor((earned * 100) / declared) };
  });
}
