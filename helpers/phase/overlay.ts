import type { Flaw } from './errors.ts';
import { instead } from './suggest.ts';
import type { Entry, Tree } from './yaml-source.ts';

/** Maps are merged key by key, everything else is replaced. Each value keeps the place that it was written at. */
export function merge(base: Tree, over: Tree): Tree {
  if (base.kind !== 'map' || over.kind !== 'map') return over;
  const entries = new Map<string, Entry>(base.entries);
  for (const [key, entry] of over.entries) {
    const below = base.entries.get(key);
    entries.set(key, below ? { at: entry.at, value: merge(below.value, entry.value) } : entry);
  }
  return { ...base, entries };
}

/** The phase as it is in one environment; null: as it is written, without any overlay. */
export function applyEnvironment(tree: Tree, environment: string | null): { tree: Tree; flaws: Flaw[] } {
  if (tree.kind !== 'map') return { tree, flaws: [] };
  const entries = new Map(tree.entries);
  const environments = entries.get('environments');
  entries.delete('environments');
  const base: Tree = { ...tree, entries };
  const overlays = environments?.value.kind === 'map' ? environments.value.entries : new Map<string, Entry>();
  const flaws: Flaw[] = [];
  if (environments && environments.value.kind !== 'map')
    flaws.push({
      way: ['environments'],
      at: environments.at,
      problem: 'must be a map',
      mend: 'write a map from the name of each environment to what differs there',
    });
  for (const [name, { at, value }] of overlays)
    if (value.kind !== 'map')
      flaws.push({
        way: ['environments', name],
        at,
        problem: 'must be a map',
        mend: 'write the fields that differ in this environment, in the shape of the phase',
      });
  if (environment === null) return { tree: base, flaws };
  const chosen = overlays.get(environment);
  if (!chosen) {
    const known = [...overlays.keys()];
    const mend =
      known.length > 0
        ? instead(environment, known, 'declared environments')
        : 'leave --env out, or add `environments` to the file';
    flaws.push({
      way: ['environments'],
      at: environments?.at ?? tree.at,
      problem: `environment ${environment} is not declared`,
      mend,
    });
    return { tree: base, flaws };
  }
  return { tree: chosen.value.kind === 'map' ? merge(base, chosen.value) : base, flaws };
}
