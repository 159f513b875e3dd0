import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../catalogue.ts';
import type { Service } from '../service.ts';
import { componentSchema, neededEndpoints, PhaseShape, WaiverShape } from './schema.ts';

export const PHASE_SCHEMA_FILE = join(ROOT, 'fixtures', 'phases', 'phase.schema.json');

const Whole = PhaseShape.extend({
  waivers: z.array(WaiverShape).optional().describe('failures that are accepted for a time'),
  environments: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .optional()
    .describe('what differs in each environment, in the shape of the phase; --env chooses one'),
});

const schemaOf = (schema: z.ZodObject): { [key: string]: unknown } => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
};

/** JSON Schema (2020-12) of a phase file, with the fields of each type: what an editor completes and checks by. */
export function phaseJsonSchema(services: ReadonlyMap<string, Service>): object {
  const types = [...services.keys()];
  const ref = (type: string): object => ({ $ref: `#/$defs/${type}` });
  const typed = { type: 'object', required: ['type'], properties: { type: { enum: types } }, anyOf: types.map(ref) };
  const byId = Object.fromEntries(types.map((type) => [type, { anyOf: [ref(type), { $ref: '#/$defs/typed' }] }]));
  const whole = schemaOf(Whole);
  const { components, ...properties } = whole.properties as { components: object };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Phase file',
    ...whole,
    properties: {
      ...properties,
      components: {
        ...components,
        minProperties: 1,
        properties: byId,
        additionalProperties: { $ref: '#/$defs/typed' },
      },
    },
    $defs: {
      typed,
      ...Object.fromEntries([...services].map(([type, service]) => [type, componentJsonSchema(service)])),
    },
  };
}

function componentJsonSchema(service: Service): object {
  const names = neededEndpoints(service);
  const schema = schemaOf(componentSchema(service));
  if (names.length === 0) return schema;
  const ways = names.length === 1 ? ['endpoint', 'endpoints'] : ['endpoints'];
  return { ...schema, oneOf: ways.map((way) => ({ required: [way] })) };
}

/** Writes fixtures/phases/phase.schema.json, which editors read. */
export async function writePhaseSchema(services: ReadonlyMap<string, Service>): Promise<void> {
  await writeFile(PHASE_SCHEMA_FILE, `${JSON.stringify(phaseJsonSchema(services), null, 2)}\n`);
}
