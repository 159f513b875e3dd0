import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { z } from 'zod';
import type { Catalogue } from '../../reports/model.ts';
import type { Service } from '../service.ts';
import { formatPhaseError } from './errors.ts';
import { type LoadedPhase, loadPhase, type PhaseContext } from './load.ts';

/* What the tests of this folder load phase files with: three invented services and a folder that is removed afterwards. */

const unused = () => {
  throw new Error('loading a phase file opens no connection');
};

function service(type: string, over: Partial<Service>): Service {
  return {
    type,
    title: type,
    unit: 'pods',
    weight: 10,
    endpoints: {},
    needs: [],
    door: `${type}.reach`,
    settings: z.object({}),
    knock: unused,
    open: unused,
    diagnose: () => null,
    sweep: unused,
    present: unused,
    ...over,
  };
}

const SERVICES = [
  service('kafka', {
    title: 'Apache Kafka',
    unit: 'brokers',
    weight: 14,
    endpoints: { bootstrap: { port: 9092, about: 'bootstrap servers' } },
  }),
  service('neo4j', {
    title: 'Neo4j',
    endpoints: { bolt: { port: 7687, about: 'Bolt' }, http: { port: null, about: 'the HTTP API' } },
    settings: z.object({ database: z.string().default('neo4j').describe('the database that is used') }),
  }),
  service('datahub', {
    roles: ['gms', 'frontend'],
    endpoints: { gms: { port: 8080, about: 'the metadata service' } },
    needs: ['kafka', 'neo4j'],
  }),
];

const check = (id: string) => ({ id, level: 'reach', claim: '', needs: [], writes: [], disruptive: false }) as const;
const CATALOGUE: Catalogue = {
  kafka: [check('kafka.reach.bootstrap'), check('kafka.durability.replicas')],
  neo4j: [check('neo4j.reach.bolt')],
  datahub: [check('datahub.reach.gms')],
};

export const CONTEXT: PhaseContext = {
  env: {},
  environment: null,
  services: new Map(SERVICES.map((each) => [each.type, each])),
  catalogue: CATALOGUE,
  now: new Date('2026-03-01T12:00:00Z'),
};

/** The name of a folder that lives as long as the tests of one file. */
export function temporaryFolder(): () => string {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'phase-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  return () => folder;
}

export async function loadText(folder: string, text: string, over: Partial<PhaseContext> = {}): Promise<LoadedPhase> {
  const file = join(folder, 'phase.yaml');
  await writeFile(file, text);
  return loadPhase(file, { ...CONTEXT, ...over });
}

/** The four lines that every phase file needs. */
export const HEAD = 'schemaVersion: 1\nid: p\nname: P\ntarget: { name: t }\n';

/** The errors of HEAD and this text, which begins on line 5; paths as seen from the folder. */
export async function errorsOf(folder: string, text: string, over: Partial<PhaseContext> = {}): Promise<string> {
  const loaded = await loadText(folder, HEAD + text, over);
  if (loaded.ok) return 'no error';
  return loaded.errors.map(formatPhaseError).join('\n').replaceAll(`${folder}/`, '');
}
