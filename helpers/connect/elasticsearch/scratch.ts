import type { Client } from 'elasticsearch-8';
import { removeUntilGone } from '../../removal.ts';
import type { Left, ScratchEntry } from '../../service.ts';

/** One kind of object that checks create. */
interface Kind {
  /** Names that exist, of whomever. */
  names(signal: AbortSignal): Promise<string[]>;
  remove(names: readonly string[], signal: AbortSignal): Promise<unknown>;
}

/**
 * @param repository where scratch snapshots are; null: none are taken
 * @param hasSecurity whether there can be keys
 */
export function scratchKinds(
  api: Client,
  repository: string | null,
  hasSecurity: (signal: AbortSignal) => Promise<boolean>,
): Readonly<Record<string, Kind>> {
  return {
    'api-key': {
      async names(signal) {
        if (!(await hasSecurity(signal))) return [];
        const { api_keys: keys } = await api.security.getApiKey({ owner: true, active_only: true }, { signal });
        return keys.map(({ name }) => name ?? '');
      },
      // By a name for each request: the call takes one.
      remove: (names, signal) =>
        Promise.all(names.map((name) => api.security.invalidateApiKey({ name, owner: true }, { signal }))),
    },
    index: {
      async names(signal) {
        const rows = await api.cat.indices({ format: 'json', h: ['index'], expand_wildcards: 'all' }, { signal });
        return rows.flatMap(({ index }) => index ?? []);
      },
      remove: (index, signal) => api.indices.delete({ index: [...index], ignore_unavailable: true }, { signal }),
    },
    'index-template': {
      async names(signal) {
        const { index_templates: all } = await api.indices.getIndexTemplate({}, { signal });
        return all.map(({ name }) => name);
      },
      remove: (name, signal) => api.indices.deleteIndexTemplate({ name: [...name] }, { signal }),
    },
    snapshot: {
      async names(signal) {
        if (repository === null) return [];
        // Names alone: the rest would be read from the repository, a file for each.
        const asked = { repository, snapshot: '_all', verbose: false };
        const { snapshots = [] } = await api.snapshot.get(asked, { signal });
        return snapshots.map(({ snapshot }) => snapshot);
      },
      remove: (names, signal) =>
        api.snapshot.delete({ repository: repository ?? '', snapshot: names.join(',') }, { signal }),
    },
  };
}

/** Removes the entries kind by kind, side by side: a repository that is out of order keeps no index. */
export async function sweepScratch(
  kinds: Readonly<Record<string, Kind>>,
  entries: readonly ScratchEntry[],
  signal: AbortSignal,
): Promise<Left[]> {
  const left = await Promise.all(
    Object.entries(kinds).map(([kind, { names, remove }]) =>
      removeUntilGone(
        entries.filter((entry) => entry.kind === kind),
        () => names(signal),
        (doomed) => remove(doomed, signal),
        signal,
      ),
    ),
  );
  return left.flat();
}

/** What is there of each kind. A kind that can't be looked up holds up no other. */
export async function presentScratch(
  kinds: Readonly<Record<string, Kind>>,
  signal: AbortSignal,
): Promise<{ kind: string; name: string }[]> {
  const found = await Promise.all(
    Object.entries(kinds).map(async ([kind, { names }]) =>
      (await names(signal).catch(() => [])).map((name) => ({ kind, name })),
    ),
  );
  return found.flat();
}
