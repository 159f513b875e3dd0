import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { localService, localTypes } from '../../fixtures/platform/platform.ts';
import { ROOT } from '../catalogue.ts';
import { loadServices } from '../services.ts';
import { formatPhaseError } from './errors.ts';
import type { Env } from './interpolate.ts';
import { PHASE_SCHEMA_FILE, phaseJsonSchema } from './json-schema.ts';
import { loadPhase } from './load.ts';

const services = await loadServices();
/** What the local platform exports where none of its services could be started. */
const notStarted = Object.fromEntries(
  (await Promise.all(localTypes().map(localService))).flatMap(({ exports }) =>
    Object.entries(exports).map(([name, { placeholder }]) => [name, placeholder]),
  ),
);
const PHASES = join(ROOT, 'fixtures', 'phases');

test('phase.schema.json is up to date', async () => {
  const committed: unknown = JSON.parse(await readFile(PHASE_SCHEMA_FILE, 'utf8').catch(() => '{}'));
  const stale = 'fixtures/phases/phase.schema.json is stale: run npm run catalogue';
  expect(committed, stale).toEqual(phaseJsonSchema(services));
});

describe('the schema', () => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
  addFormats.default(ajv);
  const valid = ajv.compile(phaseJsonSchema(services));
  const minimal = { schemaVersion: 1, id: 'p', name: 'P', target: { name: 't' } };

  test.each(['local.yaml', 'kubernetes.yaml', 'template.yaml'])('takes %s', async (name) => {
    valid(parse(await readFile(join(PHASES, name), 'utf8')));
    expect(valid.errors).toBeNull();
  });

  test.each([
    ['an unknown field', { ...minimal, waiver: [], components: { kafka: { endpoint: 'k' } } }],
    ['no components', { ...minimal, components: {} }],
    ['an id that is no type', { ...minimal, components: { events: { endpoint: 'k' } } }],
    ['an unknown field of a component', { ...minimal, components: { kafka: { endpoint: 'k', wieght: 3 } } }],
    ['a component without endpoint', { ...minimal, components: { kafka: {} } }],
    [
      'a literal password',
      { ...minimal, components: { kafka: { endpoint: 'k', credentials: { user: 'u', password: 'p' } } } },
    ],
  ])('refuses %s', (_, phase) => {
    expect(valid(phase)).toBe(false);
  });
});

const catalogue = Object.fromEntries(
  [...services].map(([type, { door }]) => [
    type,
    [{ id: door, level: 'reach' as const, claim: '', needs: [], writes: [], disruptive: false }],
  ]),
);

async function errorsOf(name: string, environment: string | null, env: Env): Promise<string[]> {
  const now = new Date('2026-02-01');
  const loaded = await loadPhase(join(PHASES, name), { env, environment, services, catalogue, now });
  return loaded.ok ? [] : loaded.errors.map(formatPhaseError);
}

test.each([null, 'production'])('template.yaml loads, in environment %s', async (environment) => {
  expect(
    await errorsOf('template.yaml', environment, {
      KAFKA_PASSWORD: 'hunter22',
      DORIS_PASSWORD: 'hunter22',
      NEO4J_PASSWORD: 'hunter22',
      RAY_AUTH_TOKEN: 'hunter22',
    }),
  ).toEqual([]);
});

test('local.yaml loads where every service of the local platform is missing', async () => {
  expect(await errorsOf('local.yaml', null, notStarted)).toEqual([]);
});

test('the template shows every field', async () => {
  const text = await readFile(join(PHASES, 'template.yaml'), 'utf8');
  const { properties, $defs } = phaseJsonSchema(services) as {
    properties: { [key: string]: { properties?: object; items?: { properties?: object } } };
    $defs: { [type: string]: { properties?: object } };
  };
  const fields = [
    ...Object.entries(properties).flatMap(([key, { properties, items }]) => [
      key,
      // A component's id is no field: the types' fields are.
      ...(key === 'components' ? [] : Object.keys({ ...properties, ...items?.properties })),
    ]),
    ...Object.values($defs).flatMap(({ properties = {} }) => Object.keys(properties)),
  ];
  expect(fields.filter((key) => !new RegExp(`(^|[\\s{\`])${key}:`, 'm').test(text))).toEqual([]);
});
