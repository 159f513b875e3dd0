import { baselineOf } from './compare.ts';
import type {
  CatalogueCheck,
  CauseClass,
  CheckRecord,
  Component,
  Diagnosis,
  DoorRecord,
  Evidence,
  Level,
  Outcome,
  Report,
  Waiver,
} from './model.ts';

/** Evidence for the tests of judging and rendering, written as a table. Nothing here is ever part of a run. */

export const passed = (earned = 1_000): Outcome => ({ status: 'passed', observed: { seen: 'it' }, earned });
export const failed = (cause = 'it does not hold', cls: CauseClass = 'data-wrong', subject?: string): Outcome => ({
  status: 'failed',
  diagnosis: diagnosis(cause, cls, subject),
  observed: null,
});
export const blocked = (component: string, check: string): Outcome => ({ status: 'blocked', by: { component, check } });
export const unobserved = (cause = 'no permission to look', cls: CauseClass = 'authorization'): Outcome => ({
  status: 'unobserved',
  diagnosis: diagnosis(cause, cls),
});
export const notSelected: Outcome = {
  status: 'unobserved',
  diagnosis: { class: 'our-side', cause: 'not selected', remedy: 'run all', evidence: '' },
  notSelected: true,
};
export const skipped = (name = 'edition', value = 'community'): Outcome => ({
  status: 'skipped',
  predicate: { name, value },
});

export function diagnosis(cause: string, cls: CauseClass = 'data-wrong', subject?: string): Diagnosis {
  return {
    class: cls,
    cause,
    remedy: `mend: ${cause}`,
    evidence: `seen: ${cause}`,
    ...(subject === undefined ? {} : { subject }),
  };
}

export interface TableComponent {
  readonly id: string;
  readonly weight: number;
  readonly required?: boolean;
  readonly target?: number;
  readonly checks: readonly (readonly [id: string, level: Level, outcome: Outcome | null])[];
  readonly door?: Partial<DoorRecord>;
}

export interface TableOptions {
  readonly waivers?: readonly Waiver[];
  readonly gate?: Partial<Evidence['phase']['gate']>;
  readonly phase?: Partial<Evidence['phase']>;
  readonly run?: Partial<Evidence['run']>;
  readonly health?: Evidence['health'];
  readonly baseline?: Report;
  readonly trend?: Evidence['past']['trend'];
}

export const waiver = (checks: string, rest: Partial<Waiver> = {}): Waiver => ({
  checks,
  covers: [],
  reason: 'known',
  owner: '@owner',
  approver: null,
  expires: '2026-12-31',
  ...rest,
});

/** Each component is of a type of its own, named like its id. */
export function evidenceOf(table: readonly TableComponent[], options: TableOptions = {}): Evidence {
  return {
    schemaVersion: 1,
    tool: { name: 'assay', version: '0.0.0', catalogue: 'c0ffee' },
    run: {
      id: '20261124120000-abcd',
      startedAt: '2026-11-24T12:00:00.000Z',
      finishedAt: '2026-11-24T12:00:09.000Z',
      durationMs: 9_000,
      complete: true,
      cut: null,
      readOnly: false,
      disrupt: false,
      scope: null,
      shard: null,
      ...options.run,
    },
    phase: {
      schemaVersion: 1,
      id: 'phase-3',
      name: 'Advanced Features',
      file: 'phase-3.yaml',
      sha256: 'abc',
      environment: null,
      local: false,
      writes: true,
      target: { name: 'staging', path: 'in-cluster', revision: 'e85df35' },
      components: table.map(componentOf),
      gate: {
        score: 90,
        coverage: 90,
        health: null,
        requiredLevels: ['reach', 'serve', 'round-trip'],
        flaky: null,
        noRegression: true,
        ...options.gate,
      },
      waivers: options.waivers ?? [],
      goals: { Messaging: table.slice(0, 1).map(({ id }) => id) },
      starts: null,
      before: null,
      stages: {},
      notes: null,
      ...options.phase,
    },
    catalogue: Object.fromEntries(
      table.map(({ id, checks }) => [id, checks.map(([check, level]) => entryOf(check, level))]),
    ),
    doors: table.map(
      ({ id, door, target }): DoorRecord => ({
        component: id,
        state: 'open',
        check: `${id}.reach`,
        diagnosis: null,
        endpoints: [{ logical: `${id}:1`, dialled: `${id}:1`, path: 'in-cluster' }],
        version: null,
        achieved: target ?? null,
        observed: { answered: true },
        durationMs: 12,
        ...door,
      }),
    ),
    checks: table.flatMap(({ id, checks }) =>
      checks.flatMap(([check, , outcome]) => (outcome ? [recordOf(id, check, outcome)] : [])),
    ),
    health: options.health ?? null,
    cleanup: { created: 2, removed: 2, left: [] },
    problems: [],
    past: { baseline: options.baseline ? baselineOf(options.baseline) : null, trend: options.trend ?? [] },
    timing: null,
  };
}

function componentOf({ id, weight, required, target }: TableComponent): Component {
  return {
    id,
    type: id,
    title: id,
    required: required ?? true,
    weight,
    needs: [],
    owner: '@owner',
    runbook: null,
    target: target ?? null,
    unit: 'pods',
    stance: 'real',
    endpoints: {},
    tls: null,
    credentials: null,
    settings: {},
  };
}

const entryOf = (id: string, level: Level): CatalogueCheck => ({
  id,
  level,
  claim: `${id} holds`,
  needs: [],
  writes: [],
  disruptive: false,
});

const recordOf = (component: string, check: string, outcome: Outcome): CheckRecord => ({
  component,
  check,
  outcome,
  attempts: 1,
  durationMs: 100,
  startedMs: 50,
});

/** The worked example of the score model: two of three brokers registered, an Elasticsearch with one node. */
export const workedExample = (): Evidence =>
  evidenceOf(
    [
      {
        id: 'kafka',
        weight: 60,
        target: 3,
        door: { achieved: 2 },
        checks: [
          ['kafka.reach', 'reach', passed()],
          ['kafka.ready', 'serve', passed()],
          ['kafka.create', 'round-trip', failed('fewer brokers than replicas')],
          ['kafka.round-trip', 'round-trip', blocked('kafka', 'kafka.create')],
          ['kafka.order', 'semantics', blocked('kafka', 'kafka.create')],
          ['kafka.txn', 'semantics', blocked('kafka', 'kafka.round-trip')],
          ['kafka.internal', 'durability', failed('replication factor 1', 'misconfigured')],
          ['kafka.brokers', 'availability', failed('2 of 3 brokers are registered', 'not-redundant')],
          ['kafka.rack', 'availability', skipped('zones', '1')],
          ['kafka.negative', 'security', failed('anonymous gets in', 'misconfigured')],
          ['kafka.p99', 'performance', blocked('kafka', 'kafka.create')],
          ['kafka.retention', 'hygiene', passed()],
        ],
      },
      {
        id: 'es',
        weight: 40,
        checks: [
          ['es.reach', 'reach', passed()],
          ['es.serve', 'serve', passed()],
          ['es.round-trip', 'round-trip', passed()],
          ['es.occ', 'semantics', passed()],
          ['es.bulk', 'semantics', passed()],
          ['es.watermarks', 'durability', passed()],
          ['es.snapshot', 'durability', unobserved('no repository is declared')],
          ['es.shards', 'availability', failed('5 replica shards have no node', 'not-redundant')],
          ['es.negative', 'security', passed()],
          ['es.breakers', 'performance', passed(703)],
          ['es.heap', 'hygiene', failed('heap is 75 % of the limit', 'misconfigured')],
        ],
      },
    ],
    { waivers: [waiver('kafka.negative'), waiver('es.snapshot')] },
  );
