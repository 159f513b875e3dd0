import type { Catalogue, CatalogueCheck, CheckRecord, DoorRecord, Evidence, Phase } from '../reports/model.ts';

type Chain = NonNullable<Evidence['timing']>['longestChain'];

/**
 * The chain of needs with the greatest sum of durations: what a run can't be faster than, however much it does at once.
 * A chain begins at its component's door. Checks that run alone (performance, then disruption) wait for all others, so each of them
 * is a link behind the longest chain of those.
 */
export function longestChain(
  phase: Phase,
  catalogue: Catalogue,
  doors: readonly DoorRecord[],
  records: readonly CheckRecord[],
): Chain {
  const chains = phase.components.flatMap((component) => {
    const door = doors.find((each) => each.component === component.id);
    const entries = catalogue[component.type] ?? [];
    const duration = new Map(
      records.filter((record) => record.component === component.id).map((record) => [record.check, record.durationMs]),
    );
    const memo = new Map<string, Chain>();
    const chainTo = (id: string): Chain => {
      const known = memo.get(id);
      if (known) return known;
      const isDoor = id === door?.check;
      const needs = entries.find((entry) => entry.id === id)?.needs ?? [];
      const above = isDoor ? [] : [...(door ? [door.check] : []), ...needs].map(chainTo);
      const best = longest(above);
      const chain = {
        checks: [...best.checks, `${component.id}/${id}`],
        ms: best.ms + (isDoor ? (door?.durationMs ?? 0) : (duration.get(id) ?? 0)),
      };
      memo.set(id, chain);
      return chain;
    };
    return entries
      .filter(({ id }) => duration.has(id))
      .map((entry) => ({ alone: runsAlone(entry), ...chainTo(entry.id) }));
  });
  const { checks, ms } = longest(chains.filter(({ alone }) => !alone));
  const behind = chains.filter(({ alone }) => alone).map((chain) => withoutDoor(chain, doors));
  return {
    checks: [...checks, ...behind.flatMap((chain) => chain.checks)],
    ms: behind.reduce((sum, chain) => sum + chain.ms, ms),
  };
}

const runsAlone = ({ level, disruptive }: CatalogueCheck): boolean => level === 'performance' || disruptive;

/** The door was opened long before. */
function withoutDoor({ checks, ms }: Chain, doors: readonly DoorRecord[]): Chain {
  const door = doors.find((each) => checks[0] === `${each.component}/${each.check}`);
  return door ? { checks: checks.slice(1), ms: ms - door.durationMs } : { checks, ms };
}

const longest = (chains: readonly Chain[]): Chain =>
  chains.reduce((best, each) => (each.ms > best.ms ? each : best), { checks: [], ms: 0 });
