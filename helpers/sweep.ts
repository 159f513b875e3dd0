import type { Cleanup, Component, Phase } from '../reports/model.ts';
import { BUDGETS } from './budgets.ts';
import { describe } from './diagnose/outcome.ts';
import { within } from './poll.ts';
import { direct } from './route.ts';
import { abandonedLedgers, type Ledger, readLedger, scratchOwner, settleLedger } from './scratch.ts';
import type { ScratchEntry, Secrets, Service, Target } from './service.ts';

/** Scratch of a run that left no ledger is nobody's after this time: --wait is bounded, and so is every check, so no run lasts as long. */
const STRAY_MS = 2 * 3_600_000;

export interface SweepOptions {
  readonly phase: Phase;
  readonly secrets: ReadonlyMap<string, Secrets>;
  readonly services: ReadonlyMap<string, Service>;
  /** Components whose door is open: at a closed one there is nobody to ask, and the ledgers keep what they name. */
  readonly reachable: ReadonlySet<string>;
  /** Folder of the ledgers, and this run's own in it. */
  readonly folder: string;
  readonly own: string;
  readonly now: number;
  readonly progress: (line: string) => void;
}

type Left = Cleanup['left'][number];

/**
 * Removes what this run created, what runs that were killed before they could sweep left behind at the same endpoints, and
 * scratch of ours that is hours old. Never throws: what could not be removed is told, and stays in its ledger for the next run.
 */
export async function sweep(options: SweepOptions): Promise<Cleanup> {
  const own = readLedger(options.own);
  const before = abandonedLedgers(options.folder).filter((ledger) => !endWithPlatform(ledger, options.phase));
  const ledgers = [...(own ? [own] : []), ...before];
  const left = new Map<Ledger, ScratchEntry[]>();
  const told = await Promise.all(
    options.phase.components.map((component) => sweepComponent(component, ledgers, left, options)),
  );
  for (const ledger of ledgers) {
    const here = new Set(options.phase.components.filter((each) => isAt(ledger, each)).map(({ id }) => id));
    const elsewhere = ledger.entries.filter(({ component }) => !here.has(component));
    settleLedger(ledger, [...elsewhere, ...(left.get(ledger) ?? [])]);
  }
  const created = own?.entries.length ?? 0;
  const ownLeft = own ? (left.get(own) ?? []).length : 0;
  return { created, removed: created - ownLeft, left: told.flat() };
}

/** What a killed run left on a local platform that is gone went with it. */
function endWithPlatform(ledger: Ledger, phase: Phase): boolean {
  if (!ledger.head.local || phase.components.some((component) => isAt(ledger, component))) return false;
  if (phase.local) settleLedger(ledger, []);
  return true;
}

function isAt({ head }: Ledger, { id, endpoints }: Component): boolean {
  const then = head.endpoints[id];
  return (
    then !== undefined && JSON.stringify([...then].sort()) === JSON.stringify(Object.values(endpoints).flat().sort())
  );
}

async function sweepComponent(
  component: Component,
  ledgers: readonly Ledger[],
  left: Map<Ledger, ScratchEntry[]>,
  { phase, secrets, services, reachable, now, progress }: SweepOptions,
): Promise<Left[]> {
  const service = services.get(component.type);
  if (!service) return [];
  const owed = ledgers
    .filter((ledger) => isAt(ledger, component))
    .flatMap((ledger) =>
      ledger.entries.filter((entry) => entry.component === component.id).map((entry) => ({ ledger, entry })),
    );
  if (owed.length === 0) return [];
  const keep = (entry: ScratchEntry): void => {
    const ledger = owed.find((each) => each.entry === entry)?.ledger;
    if (ledger) left.set(ledger, [...(left.get(ledger) ?? []), entry]);
  };
  if (!reachable.has(component.id)) {
    for (const { entry } of owed) keep(entry);
    return [];
  }
  const target: Target = {
    component,
    secrets: secrets.get(component.id) ?? { password: null },
    route: direct(phase.target.path),
  };
  const signal = AbortSignal.timeout(BUDGETS.sweep);
  const removeAll = async () => {
    await using client = await service.open(target, signal);
    const old = (await service.present(client, signal)).filter(({ name }) => isStray(name, now, ledgers));
    const strays = old.map((each): ScratchEntry => ({ component: component.id, ...each }));
    const remaining = await service.sweep(client, [...owed.map(({ entry }) => entry), ...strays], signal);
    return { strays, remaining };
  };
  try {
    const { strays, remaining } = await within(removeAll(), signal);
    for (const { entry } of remaining) keep(entry);
    const earlier = [...owed.filter(({ ledger }) => ledger !== ledgers[0]).map(({ entry }) => entry), ...strays];
    const others = earlier.filter((each) => !remaining.some(({ entry }) => entry === each)).length;
    if (others > 0) progress(`${component.id}: removed ${others} scratch objects that earlier runs left behind`);
    return remaining.map(({ entry, why }) => ({ ...entry, why }));
  } catch (error) {
    for (const { entry } of owed) keep(entry);
    const known = service.diagnose(error, target);
    return owed.map(({ entry }) => ({ ...entry, why: known?.cause ?? describe(error) }));
  }
}

function isStray(name: string, now: number, ledgers: readonly Ledger[]): boolean {
  const owner = scratchOwner(name);
  return (
    owner !== null &&
    now - owner.startedAt.getTime() > STRAY_MS &&
    !ledgers.some(({ head }) => head.runId === owner.runId)
  );
}
