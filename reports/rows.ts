import type {
  CatalogueCheck,
  CheckRecord,
  CheckRef,
  Component,
  Diagnosis,
  Evidence,
  Observation,
  Status,
  Waiver,
} from './model.ts';

/** One promised check with what became of it, waivers applied: what score, blame and renderers start from. */
export interface Row {
  readonly component: Component;
  readonly entry: CatalogueCheck;
  readonly status: Status;
  readonly selected: boolean;
  readonly earned: number;
  readonly diagnosis: Diagnosis | null;
  readonly observed: Observation | null;
  /** The first ancestor that did not pass. Kept under a waiver: what is deferred still has its cause. */
  readonly blockedBy: CheckRef | null;
  readonly skippedBecause: string | null;
  readonly waiver: Waiver | null;
  readonly attempts: number;
  readonly durationMs: number;
}

export const refOf = ({ component, check }: CheckRef): string => `${component}/${check}`;
export const rowRef = ({ component, entry }: Pick<Row, 'component' | 'entry'>): string => `${component.id}/${entry.id}`;

/** Every check that the phase promised, in the phase's and the catalogue's order, whether the run has a record of it or not. */
export function rowsOf(evidence: Evidence): Row[] {
  const records = new Map(evidence.checks.map((record) => [refOf(record), record]));
  const plain = evidence.phase.components.flatMap((component) =>
    declaredChecks(evidence, component).map((entry) =>
      rowOf(component, entry, records.get(`${component.id}/${entry.id}`), evidence.run.cut),
    ),
  );
  const valid = evidence.phase.waivers.filter((waiver) => !isExpired(waiver, evidence.run.startedAt));
  const index = indexOf(plain);
  return plain.map((row) => deferredBy(row, valid, index));
}

/** Disruptive checks are promised only by a run that may disrupt. */
export function declaredChecks({ catalogue, run }: Evidence, { type }: Component): readonly CatalogueCheck[] {
  return (catalogue[type] ?? []).filter(({ disruptive }) => run.disrupt || !disruptive);
}

function rowOf(component: Component, entry: CatalogueCheck, record: CheckRecord | undefined, cut: string | null): Row {
  const base = {
    component,
    entry,
    selected: true,
    earned: 0,
    diagnosis: null,
    observed: null,
    blockedBy: null,
    skippedBecause: null,
    waiver: null,
    attempts: record?.attempts ?? 0,
    durationMs: record?.durationMs ?? 0,
  };
  if (!record) return { ...base, status: 'unobserved', diagnosis: lost(cut) };
  const { outcome } = record;
  switch (outcome.status) {
    case 'passed':
      return Object.keys(outcome.observed).length > 0
        ? { ...base, status: 'passed', earned: outcome.earned, observed: outcome.observed }
        : { ...base, status: 'unobserved', diagnosis: sawNothing };
    case 'failed':
      return { ...base, status: 'failed', diagnosis: outcome.diagnosis, observed: outcome.observed };
    case 'blocked':
      return { ...base, status: 'blocked', blockedBy: outcome.by };
    case 'unobserved':
      return { ...base, status: 'unobserved', diagnosis: outcome.diagnosis, selected: !outcome.notSelected };
    case 'skipped':
      return {
        ...base,
        status: 'skipped',
        skippedBecause: `${outcome.predicate.name} = ${JSON.stringify(outcome.predicate.value)}`,
      };
  }
}

const sawNothing: Diagnosis = {
  class: 'our-side',
  cause: 'the check recorded no observation, so its pass is none',
  remedy: 'report it: this is a defect of the suite, not of the platform',
  evidence: 'no observation',
};

/** A promised check without a record was lost, and keeps its points. What a selection leaves out has a record that says so. */
function lost(cut: string | null): Diagnosis {
  return {
    class: 'our-side',
    cause: cut === null ? 'the run left no record of this check' : `the run was cut short: ${cut}`,
    remedy: 'run again and let it finish',
    evidence: 'no record',
  };
}

/** A waiver's last day counts whole, in UTC. */
export function isExpired({ expires }: Waiver, at: string): boolean {
  const end = /^\d{4}-\d\d-\d\d$/.test(expires) ? `${expires}T23:59:59.999Z` : expires;
  return Date.parse(end) < Date.parse(at);
}

/** Does the waiver name this check itself, by id or by prefix? */
export function matches({ checks }: Waiver, id: string): boolean {
  return checks.endsWith('.*') ? id.startsWith(checks.slice(0, -1)) : id === checks;
}

/** Failure and absence are deferred by a waiver that names the check, or that covers a component blocked by what it names. */
function deferredBy(row: Row, waivers: readonly Waiver[], index: RowIndex): Row {
  if (!row.selected || row.status === 'passed' || row.status === 'skipped') return row;
  const root = rootOf(row, index);
  const waiver = waivers.find(
    (each) =>
      matches(each, row.entry.id) ||
      (each.covers.includes(row.component.id) && root !== row && matches(each, root.entry.id)),
  );
  return waiver ? { ...row, status: 'deferred', waiver } : row;
}

/** Rows by `component/check`. */
export type RowIndex = ReadonlyMap<string, Row>;

export const indexOf = (rows: readonly Row[]): RowIndex => new Map(rows.map((row) => [rowRef(row), row]));

/** Follows blockedBy to the row where the chain begins. */
export function rootOf(row: Row, index: RowIndex): Row {
  const seen = new Set<Row>();
  let at = row;
  while (at.blockedBy !== null && !seen.has(at)) {
    seen.add(at);
    at = index.get(refOf(at.blockedBy)) ?? at;
  }
  return at;
}
