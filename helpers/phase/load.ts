import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Catalogue, ClusterRef, Json, Phase, Waiver } from '../../reports/model.ts';
import type { Secrets, Service } from '../service.ts';
import { type ReadComponent, readComponent } from './component.ts';
import { type Flaw, formatPhaseError, type PhaseError, sortErrors } from './errors.ts';
import { digest, portable, portableCluster } from './fingerprint.ts';
import { type Env, interpolate } from './interpolate.ts';
import { applyEnvironment } from './overlay.ts';
import { isFields, read } from './read.ts';
import { cyclicNeeds, endOf, idleWaiver, sharedEndpoints, unforwarded, unknownIds } from './references.ts';
import { PhaseShape, WaiverShape } from './schema.ts';
import { codeOf } from './secret.ts';
import { closest, instead } from './suggest.ts';
import { placeFlaw, plain, readYaml, type Tree } from './yaml-source.ts';

export interface PhaseContext {
  readonly env: Env;
  /** Name of the overlay to apply; null: none. */
  readonly environment: string | null;
  readonly services: ReadonlyMap<string, Service>;
  readonly catalogue: Catalogue;
  /** Against which waivers expire. */
  readonly now: Date;
}

export type LoadedPhase =
  | {
      readonly ok: true;
      readonly phase: Phase;
      /** By component id; in memory only. */
      readonly secrets: ReadonlyMap<string, Secrets>;
      /** One line each, in the shape of an error. */
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly errors: readonly PhaseError[] };

/**
 * Reads a phase file: overlay, then environment variables, then every rule. Reports all errors at once, in the order of their
 * lines; throws for none of them. Paths in the file begin at its folder, those in the result are absolute.
 */
export async function loadPhase(file: string, context: PhaseContext): Promise<LoadedPhase> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return fail(file, null, [
      { way: [], problem: `can not be read (${codeOf(error)})`, mend: 'check the path of the phase file' },
    ]);
  }
  const source = readYaml(text);
  if (!source.tree) return fail(file, null, source.flaws);
  const overlaid = applyEnvironment(source.tree, context.environment);
  const { tree, flaws } = interpolate(overlaid.tree, context.env);
  const folder = dirname(resolve(file));
  const promise = await readPhase(plain(tree), folder, context);
  const all = [...source.flaws, ...overlaid.flaws, ...flaws, ...promise.flaws];
  if (all.length > 0 || !promise.whole) return fail(file, tree, all);

  const { promised, secrets } = promise.whole;
  const { environment } = context;
  const components = promised.components.map((component) => portable(component, folder));
  // A local platform has other ports on each start: what it promises is what the file says before they are filled in.
  const sha256 = digest(
    promised.local
      ? plain(overlaid.tree)
      : { ...promised, ...portableCluster(promised, folder), components, environment },
  );
  return {
    ok: true,
    phase: { ...promised, file, environment, sha256 },
    secrets,
    warnings: expired(promised.waivers, context.now).map((flaw) => formatPhaseError(placeFlaw(file, tree, flaw))),
  };
}

const fail = (file: string, tree: Tree | null, flaws: readonly Flaw[]): LoadedPhase => ({
  ok: false,
  errors: sortErrors(flaws.map((flaw) => placeFlaw(file, tree, flaw))),
});

/** What a file promises, wherever it lies. */
type Promised = Omit<Phase, 'file' | 'environment' | 'sha256'>;

interface ReadPhase {
  readonly whole: { readonly promised: Promised; readonly secrets: ReadonlyMap<string, Secrets> } | null;
  readonly flaws: readonly Flaw[];
}

async function readPhase(raw: Json, folder: string, { env, services, catalogue }: PhaseContext): Promise<ReadPhase> {
  const head = read(PhaseShape, raw, []);
  const flaws: Flaw[] = [...head.flaws];
  const fields = isFields(raw) ? raw : {};

  const declared = isFields(fields.components) ? fields.components : {};
  const ids = Object.keys(declared);
  if (isFields(fields.components) && ids.length === 0)
    flaws.push({
      way: ['components'],
      problem: 'promises nothing',
      mend: `declare at least one of ${[...services.keys()].join(', ')}`,
    });
  const known: ReadComponent[] = [];
  for (const [id, value] of Object.entries(declared)) {
    const service = services.get(typeOf(id, value));
    if (service)
      known.push(
        await readComponent(id, value, service, folder, env, fields.local === true, head.sound.namespace ?? null),
      );
    else flaws.push(unknownType(id, value, [...services.keys()]));
  }
  flaws.push(...known.flatMap((each) => each.flaws), ...togetherFlaws(known, ids, fields.local === true));
  if (head.sound.target?.path === 'port-forward')
    flaws.push(...unforwarded(known.flatMap(({ addresses }) => addresses)));

  const types = known.map(({ service }) => service.type);
  const waivers = (Array.isArray(fields.waivers) ? fields.waivers : []).map((value, index) => {
    const way = ['waivers', index];
    const waiver = read(WaiverShape, value, way);
    flaws.push(...waiver.flaws, ...unknownIds(waiver.sound.covers ?? [], ids, [...way, 'covers']));
    if (waiver.sound.checks !== undefined && known.length === ids.length)
      flaws.push(...idleWaiver(waiver.sound.checks, types, catalogue, way));
    return waiver.whole;
  });
  for (const [goal, members] of Object.entries(head.sound.goals ?? {}))
    flaws.push(...unknownIds(members, ids, ['goals', goal]));

  if (flaws.length > 0 || !head.whole) return { whole: null, flaws };
  const { schemaVersion, id, name, local, allow, target, cluster, gate, goals, starts, before, stages, notes } =
    head.whole;
  const needs = needsOf(known);
  const promised: Promised = {
    schemaVersion,
    id,
    name,
    local: local === true,
    writes: allow.includes('write'),
    target,
    ...(cluster || known.some(({ service, component }) => service.census || component?.workload)
      ? { cluster: clusterOf(cluster, folder) }
      : {}),
    components: known.flatMap(({ component }) =>
      component ? { ...component, needs: needs.get(component.id) ?? [] } : [],
    ),
    gate,
    waivers: waivers.filter((waiver) => waiver !== null),
    goals,
    starts,
    before,
    stages,
    notes,
  };
  return {
    whole: { promised, secrets: new Map(known.flatMap(({ id, secrets }) => (secrets ? [[id, secrets]] : []))) },
    flaws,
  };
}

const clusterOf = (given: Partial<ClusterRef> = {}, folder: string): ClusterRef => ({
  kubeconfig: given.kubeconfig ? resolve(folder, given.kubeconfig) : null,
  context: given.context ?? null,
  uid: given.uid ?? null,
});

const typeOf = (id: string, value: unknown): string =>
  isFields(value) && typeof value.type === 'string' ? value.type : id;

function unknownType(id: string, value: unknown, types: readonly string[]): Flaw {
  const type = typeOf(id, value);
  const said = isFields(value) && 'type' in value;
  const mend = instead(type, types, 'known types');
  return {
    way: ['components', id, ...(said ? ['type'] : [])],
    problem: said
      ? `${type} is not a type of component`
      : `${id} is not a type of component, and the component has no type`,
    mend: closest(type, types) === null ? mend : `${mend} Known types: ${types.join(', ')}`,
  };
}

/** What only shows where the components are seen side by side. */
function togetherFlaws(known: readonly ReadComponent[], ids: readonly string[], local: boolean): Flaw[] {
  const flaws: Flaw[] = [
    ...known.flatMap(({ id, needs }) => unknownIds(needs ?? [], ids, ['components', id, 'needs'])),
    ...cyclicNeeds(needsOf(known)),
    ...sharedEndpoints(known.flatMap(({ addresses }) => addresses)),
  ];
  if (known.length > 0 && known.length === ids.length && known.every(({ weight }) => weight === 0))
    flaws.push({
      way: ['components'],
      problem: 'has only weights of 0',
      mend: 'give at least one component a weight above 0',
    });
  for (const { id, double } of known)
    if (double && !local)
      flaws.push({
        way: ['components', id, 'stance'],
        problem: 'is a double outside the local platform',
        mend: 'take stance out and give the real service',
      });
  return flaws;
}

/** Needs by component id: as written, or the phase's components of the types that the service can't work without. */
function needsOf(known: readonly ReadComponent[]): ReadonlyMap<string, readonly string[]> {
  const ofTypes = (types: readonly string[]): string[] =>
    known.filter(({ service }) => types.includes(service.type)).map(({ id }) => id);
  return new Map(known.map(({ id, needs, service }) => [id, needs ?? ofTypes(service.needs)]));
}

/** Expiry is judged by the gate, which goes red; here it is only said beforehand. */
function expired(waivers: readonly Waiver[], now: Date): Flaw[] {
  return waivers.flatMap((waiver, index) =>
    endOf(waiver) >= now.getTime()
      ? []
      : {
          way: ['waivers', index, 'expires'],
          problem: `the waiver for ${waiver.checks} expired, so the gate can not pass`,
          mend: `mend what it waives, or have ${waiver.approver ?? 'its approver'} agree to a later date`,
        },
  );
}
