import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Catalogue, type CatalogueCheck, LEVEL_WEIGHTS, LEVELS } from '../reports/model.ts';

export const ROOT = join(import.meta.dirname, '..');
const SUITES = join(ROOT, 'suites');

const Entries = z.array(
  z.object({
    id: z.string(),
    level: z.enum(LEVELS),
    claim: z.string(),
    needs: z.array(z.string()),
    writes: z.array(z.string()),
    disruptive: z.boolean(),
  }),
);

export const catalogueFile = (type: string): string => join(SUITES, type, 'catalogue.json');

/**
 * What every suite declares, as frozen in its catalogue.json. A run is scored against this list and not against what its files
 * happened to yield: a suite file that does not load takes no check out of the promise.
 */
export async function loadCatalogue(): Promise<Catalogue> {
  const folders = await readdir(SUITES, { withFileTypes: true });
  const types = folders
    .filter((each) => each.isDirectory() && existsSync(catalogueFile(each.name)))
    .map(({ name }) => name);
  const lists = types
    .sort()
    .map(async (type) => [type, Entries.parse(JSON.parse(await readFile(catalogueFile(type), 'utf8')))] as const);
  return Object.fromEntries(await Promise.all(lists));
}

/** Changes whenever a score of the same evidence could: ids, levels, level weights. */
export function catalogueHash(catalogue: Catalogue): string {
  const ids = Object.keys(catalogue)
    .sort()
    .map((type) => [type, (catalogue[type] ?? []).map(({ id, level, disruptive }) => [id, level, disruptive]).sort()]);
  return createHash('sha256')
    .update(JSON.stringify([LEVEL_WEIGHTS, ids]))
    .digest('hex');
}

/** Where what the suite files declare and what the catalogue says differ, in words; empty when they agree. */
export function catalogueDrift(
  type: string,
  frozen: readonly CatalogueCheck[],
  declared: readonly CatalogueCheck[],
): string[] {
  const text = (entry: CatalogueCheck | undefined): string => JSON.stringify(entry);
  const ids = new Set([...frozen, ...declared].map(({ id }) => id));
  return [...ids].flatMap((id) => {
    const before = frozen.find((entry) => entry.id === id);
    const after = declared.find((entry) => entry.id === id);
    if (!before) return [`${id} is not in suites/${type}/catalogue.json`];
    if (!after) return [`${id} is in suites/${type}/catalogue.json, and no suite file declares it`];
    return text(before) === text({ ...before, ...after }) ? [] : [`${id} differs from suites/${type}/catalogue.json`];
  });
}
