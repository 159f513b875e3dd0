import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Service } from './service.ts';

const CONNECT = join(import.meta.dirname, 'connect');

/**
 * Every service that the suite knows, by type, in the order of the types: a file in helpers/connect/ that exports `service` is one.
 * Throws where two files claim the same type.
 */
export async function loadServices(folder: string = CONNECT): Promise<ReadonlyMap<string, Service>> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort();
  const modules = await Promise.all(
    files.map(async (name) => (await import(pathToFileURL(join(folder, name)).href)) as { readonly service?: Service }),
  );
  const services = modules.flatMap(({ service }) => service ?? []).sort((a, b) => (a.type < b.type ? -1 : 1));
  const byType = new Map(services.map((service) => [service.type, service]));
  if (byType.size < services.length) throw new Error(`two files of ${folder} export a service of the same type`);
  return byType;
}
