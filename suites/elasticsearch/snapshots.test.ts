import { BUDGETS } from '../../helpers/budgets.ts';
import { suite } from '../../helpers/check/suite.ts';
import { service, settingsOf } from '../../helpers/connect/elasticsearch.ts';

const check = suite(service);

check(
  'elasticsearch.snapshot.repo',
  {
    level: 'durability',
    claim: 'There is a repository for snapshots, and every node can write to it and reads what the others wrote',
    // Every node writes a small file, which Elasticsearch removes itself.
    writes: ['verification-file'],
    otherwise: {
      class: 'not-deployed',
      remedy: 'register a repository (PUT _snapshot/<name>) and a schedule; replicas do not help against a deletion',
    },
  },
  async ({ elasticsearch: { api }, component, fail, signal }) => {
    const repositories = await api.snapshot.getRepository({}, { signal });
    const names = Object.keys(repositories);
    const { repository } = settingsOf(component);
    if (names.length === 0 || (repository !== undefined && !names.includes(repository)))
      fail({
        cause:
          repository === undefined ? 'there is no repository for snapshots' : `there is no repository ${repository}`,
        evidence: `GET _snapshot: ${names.join(', ') || 'none'}`,
      });
    const verified = await Promise.all(
      names.map(async (name) => {
        const options = { signal, requestTimeout: BUDGETS.attempt };
        const { nodes } = await api.snapshot.verifyRepository({ name }, options);
        return [
          name,
          `${repositories[name]?.type}, ${Object.values(nodes)
            .map((node) => node.name)
            .sort()
            .join(', ')}`,
        ] as const;
      }),
    );
    return Object.fromEntries(verified);
  },
);

check(
  'elasticsearch.snapshot.restore',
  {
    level: 'durability',
    claim: 'An index that is saved in the declared repository and deleted comes back from it, document by document',
    needs: ['elasticsearch.snapshot.repo'],
    writes: ['index', 'snapshot'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look at GET _snapshot/<repository>/<name>, and at the log of the master',
    },
  },
  async ({ elasticsearch: { api, createIndex }, component, scratch, expect, observe, skip, signal }) => {
    const { repository } = settingsOf(component);
    if (repository === undefined) return skip('settings.repository', null);
    const index = scratch.name('index', 'saved');
    const snapshot = scratch.name('snapshot', 'saved');
    await createIndex(index, { number: { type: 'integer' }, text: { type: 'text' } }, signal);
    const sent = Array.from({ length: 100 }, (_, number) => ({ number, text: `Zürich ${number}` }));
    const operations = sent.flatMap((document) => [{ create: { _id: String(document.number) } }, document]);
    await api.bulk({ index, operations }, { signal });
    const options = { signal, requestTimeout: BUDGETS.attempt };
    const save = { repository, snapshot, indices: index, include_global_state: false, wait_for_completion: true };
    const saved = await api.snapshot.create(save, options);
    observe({ repository, state: saved.snapshot?.state ?? null });
    expect(saved.snapshot, 'what the snapshot came to').toMatchObject({ state: 'SUCCESS', shards: { failed: 0 } });
    await api.indices.delete({ index }, { signal });
    const restored = await api.snapshot.restore({ ...save, wait_for_completion: true }, options);
    expect(restored.snapshot, 'what the restore came to').toMatchObject({ shards: { failed: 0 } });
    const read = await api.mget<(typeof sent)[number]>(
      { index, ids: sent.map(({ number }) => String(number)) },
      { signal },
    );
    const sources = read.docs.map((doc) => ('_source' in doc ? doc._source : doc));
    expect(sources, 'documents after the restore').toEqual(sent);
    return { saved: sent.length, restored: sources.length };
  },
);
