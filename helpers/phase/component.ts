import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { NO_ADDRESS } from '../../fixtures/platform/service.ts';
import type { Component, Credentials, Json } from '../../reports/model.ts';
import type { Secrets, Service } from '../service.ts';
import { parseAddress } from './address.ts';
import type { Flaw, Way } from './errors.ts';
import type { Env } from './interpolate.ts';
import { type Fields, isFields, read } from './read.ts';
import { type ComponentInput, componentSchema, exampleEndpoints, isForeignUnit, neededEndpoints } from './schema.ts';
import { codeOf, readSecret } from './secret.ts';

export interface ReadComponent {
  readonly id: string;
  readonly service: Service;
  /** Null where it has flaws. Its needs are as written: none where the file gives none. */
  readonly component: Component | null;
  /** Ids it says that it needs; null: not said. */
  readonly needs: readonly string[] | null;
  readonly weight: number;
  readonly double: boolean;
  /** Those that no other component may have: none where it stands for a local service that could not be started. */
  readonly addresses: readonly { readonly component: string; readonly way: Way; readonly address: string }[];
  readonly secrets: Secrets | null;
  readonly flaws: readonly Flaw[];
}

/**
 * Reads one component by its own means: nothing of it depends on other components.
 * @param namespace of the phase
 * @param local the phase is the local platform's: it loads where a service of it could not be started too, which has no password and no
 * certificate then
 */
export async function readComponent(
  id: string,
  raw: unknown,
  service: Service,
  folder: string,
  env: Env,
  local: boolean,
  namespace: string | null,
): Promise<ReadComponent> {
  const way = ['components', id];
  const fields = raw ?? {};
  const flaws: Flaw[] = isFields(fields) ? shapeFlaws(fields, service, way) : [];
  const input = read(componentSchema(service), fields, way);
  const sound = input.sound as Partial<ComponentInput>;
  flaws.push(...input.flaws);

  const addresses = isFields(fields) ? endpointsOf(fields, service, way, flaws) : [];
  const notStarted = local && addresses.length > 0 && addresses.every(({ address }) => address === NO_ADDRESS);
  if (namespace === null && sound.namespace === undefined)
    for (const key of ['service', 'selector'] as const)
      if (sound[key] !== undefined && !service.census)
        flaws.push({
          way: [...way, key],
          at: 'key',
          problem: 'is given without a namespace',
          mend: 'give `namespace` beside it, or to the whole phase',
        });
  const { credentials, tls } = sound;
  const secret = credentials && (await readSecret(credentials.password, folder, env));
  if (secret && !secret.ok && !notStarted)
    flaws.push({
      way: [...way, 'credentials', 'password', ...Object.keys(credentials?.password ?? {})],
      problem: secret.problem,
      mend: secret.mend,
    });
  const ca = tls && tls !== true && tls.ca !== undefined ? resolve(folder, tls.ca) : null;
  if (ca !== null && !notStarted) flaws.push(...(await unreadableCa(ca, way)));

  const whole = flaws.length === 0 ? (input.whole as ComponentInput | null) : null;
  return {
    id,
    service,
    component: whole && build(id, service, whole, byName(addresses), folder, namespace),
    needs: sound.needs ?? null,
    weight: sound.weight ?? service.weight,
    double: sound.stance === 'double',
    addresses: notStarted ? [] : addresses.map(({ way, address }) => ({ component: id, way, address })),
    secrets: secret?.ok ? { password: secret.value } : null,
    flaws,
  };
}

/** What is wrong with the shape in a way that the schema alone would explain badly. */
function shapeFlaws(fields: Fields, service: Service, way: Way): Flaw[] {
  const names = neededEndpoints(service);
  const flaws: Flaw[] = Object.keys(fields)
    .filter((key) => isForeignUnit(key, service))
    .map((key) => ({
      way: [...way, key],
      at: 'key',
      problem: `is not the unit of ${service.title}`,
      mend: `write ${service.unit}: ${service.roles ? `{ ${service.roles.map((role) => `${role}: N`).join(', ')} }` : 'N'}`,
    }));
  const given = ['endpoint', 'endpoints'].filter((key) => key in fields);
  if (names.length > 0 && given.length === 0)
    flaws.push({
      way: [...way, names.length > 1 ? 'endpoints' : 'endpoint'],
      problem: 'is missing',
      mend: `write ${exampleEndpoints(service)}`,
    });
  if (given.length === 2 && names.length === 1)
    flaws.push({
      way: [...way, 'endpoints'],
      at: 'key',
      problem: 'is given beside endpoint',
      mend: 'keep one of the two',
    });
  if (names.length > 1 && 'endpoint' in fields)
    flaws.push({
      way: [...way, 'endpoint'],
      at: 'key',
      problem: `is one of several that ${service.title} has`,
      mend: `write ${exampleEndpoints(service)}`,
    });
  return flaws;
}

interface Located {
  readonly name: string;
  readonly way: Way;
  readonly address: string;
}

/** Each address of `endpoint` or `endpoints`, with the usual port where it has none. */
function endpointsOf(fields: Fields, service: Service, way: Way, flaws: Flaw[]): Located[] {
  const [only] = neededEndpoints(service);
  const given: [string, unknown, Way][] = isFields(fields.endpoints)
    ? Object.entries(fields.endpoints).map(([name, value]) => [name, value, [...way, 'endpoints', name]])
    : [[only ?? '', fields.endpoint, [...way, 'endpoint']]];
  return given.flatMap(([name, value, at]) => {
    const endpoint = service.endpoints[name];
    if (!endpoint) return [];
    const texts: [string, Way][] = Array.isArray(value)
      ? value.map((item, index) => [String(item), [...at, index]])
      : typeof value === 'string'
        ? [[value, at]]
        : [];
    return texts.flatMap(([text, place]) =>
      text.split(',').flatMap((part) => {
        const parsed = parseAddress(part.trim(), endpoint.port);
        if (parsed.ok) return { name, way: place, address: parsed.address };
        flaws.push({ way: place, problem: parsed.problem, mend: parsed.mend });
        return [];
      }),
    );
  });
}

const byName = (addresses: readonly Located[]): Component['endpoints'] =>
  Object.fromEntries(
    [...Map.groupBy(addresses, ({ name }) => name)].map(([name, all]) => [name, all.map(({ address }) => address)]),
  );

async function unreadableCa(file: string, way: Way): Promise<Flaw[]> {
  try {
    await access(file, constants.R_OK);
    return [];
  } catch (error) {
    return [
      {
        way: [...way, 'tls', 'ca'],
        problem: `${file} can not be read (${codeOf(error)})`,
        mend: 'put the PEM file of the authority there',
      },
    ];
  }
}

function build(
  id: string,
  service: Service,
  input: ComponentInput,
  endpoints: Component['endpoints'],
  folder: string,
  namespace: string | null,
): Component {
  const { tls, credentials } = input;
  return {
    id,
    type: service.type,
    title: input.title,
    required: input.required,
    weight: input.weight,
    needs: input.needs ?? [],
    owner: input.owner,
    runbook: input.runbook,
    ...targetOf(input[service.unit]),
    unit: service.unit,
    stance: input.stance,
    endpoints,
    tls:
      tls === undefined
        ? null
        : tls === true
          ? {}
          : { ...tls, ...(tls.ca === undefined ? {} : { ca: resolve(folder, tls.ca) }) },
    credentials: credentials ? withAbsoluteFile(credentials, folder) : null,
    ...workloadOf(service, input, namespace),
    settings: Object.fromEntries(
      Object.keys(service.settings.shape).flatMap((key) =>
        input[key] === undefined ? [] : [[key, input[key] as Json]],
      ),
    ),
  };
}

function workloadOf(service: Service, input: ComponentInput, phase: string | null): Pick<Component, 'workload'> {
  const namespace = input.namespace ?? phase;
  if (service.census || namespace === null) return {};
  return { workload: { namespace, service: input.service ?? null, selector: input.selector ?? null } };
}

function targetOf(size: unknown): Pick<Component, 'target' | 'roles'> {
  if (!isFields(size)) return { target: typeof size === 'number' ? size : null };
  const roles = size as Readonly<Record<string, number>>;
  return { target: Object.values(roles).reduce((sum, each) => sum + each, 0), roles };
}

const withAbsoluteFile = (credentials: Credentials, folder: string): Credentials =>
  'file' in credentials.password
    ? { ...credentials, password: { file: resolve(folder, credentials.password.file) } }
    : credentials;
