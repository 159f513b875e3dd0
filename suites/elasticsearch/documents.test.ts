import { randomBytes } from 'node:crypto';
import { BUDGETS } from '../../helpers/budgets.ts';
import { suite } from '../../helpers/check/suite.ts';
import { settledAllocation } from '../../helpers/connect/elasticsearch/allocation.ts';
import { service } from '../../helpers/connect/elasticsearch.ts';
import { diagnoseStatus, explainUnassigned } from '../../helpers/diagnose/elasticsearch.ts';

const check = suite(service);

check(
  'elasticsearch.doc.round-trip',
  {
    level: 'round-trip',
    claim: 'Five hundred documents come back by id as they were sent, and a search finds all of them and the one',
    writes: ['index'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'compare the evidence with the index (GET <index>/_search); look for a proxy that changes bytes',
    },
  },
  async ({ elasticsearch: { api, createIndex }, component, scratch, expect, fail, observe, signal }) => {
    const index = scratch.name('index', 'documents');
    const sent = Array.from({ length: 500 }, (_, n) => ({
      number: n,
      key: randomBytes(8).toString('hex'),
      text: `document ${n} of Zürich, 東京, 🜚`,
      at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
      list: [n, n + 0.5],
    }));
    await createIndex(
      index,
      {
        number: { type: 'integer' },
        key: { type: 'keyword' },
        text: { type: 'text' },
        at: { type: 'date' },
        list: { type: 'double' },
      },
      signal,
    );
    const operations = sent.flatMap((document) => [{ index: { _id: String(document.number) } }, document]);
    const written = await api.bulk({ index, operations, refresh: 'wait_for' }, { signal });
    const refused = written.items.flatMap(({ index: item }) => (item?.error ? [item] : []));
    const known = refused[0] && diagnoseStatus(refused[0].status, refused[0], component.title);
    if (known) fail(known);
    expect(refused.slice(0, 3), `${refused.length} of 500 documents refused`).toEqual([]);
    const sequence = written.items.map(({ index: item }) => item?._seq_no);
    expect(new Set(sequence).size, 'sequence numbers handed out').toBe(500);
    observe({ index, written: written.items.length, primaryTerm: written.items[0]?.index?._primary_term ?? null });

    const one = sent[137];
    const [read, all, found] = await Promise.all([
      api.mget<(typeof sent)[number]>({ index, ids: sent.map(({ number }) => String(number)) }, { signal }),
      api.count({ index, query: { match: { text: 'Zürich' } } }, { signal }),
      api.search({ index, query: { term: { key: one?.key ?? '' } } }, { signal }),
    ]);
    const sources = read.docs.map((doc) => ('_source' in doc ? doc._source : doc));
    expect(sources, 'documents read back differ from those sent').toEqual(sent);
    expect(all.count, 'documents that a search for their common word finds').toBe(500);
    expect(
      found.hits.hits.map(({ _id }) => _id),
      'hits for the key of one document',
    ).toEqual(['137']);
    return { readBack: sources.length, found: all.count };
  },
);

check(
  'elasticsearch.refresh.semantics',
  {
    level: 'semantics',
    claim: 'A document is there by its id as soon as it is acknowledged, and in searches from the next refresh on',
    writes: ['index'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for a cache between here and the cluster, and at index.refresh_interval in the templates',
    },
  },
  async ({ elasticsearch: { api, createIndex }, scratch, expect, signal }) => {
    const index = scratch.name('index', 'refreshed');
    await createIndex(index, { number: { type: 'integer' } }, signal, { refresh_interval: '-1' });
    await api.index({ index, id: '1', document: { number: 1 } }, { signal });
    const search = async (): Promise<number> =>
      (await api.search({ index, query: { match_all: {} } }, { signal })).hits.hits.length;
    const [byId, before] = await Promise.all([api.get({ index, id: '1' }, { signal }), search()]);
    await api.indices.refresh({ index }, { signal });
    const after = await search();
    expect(byId.found, 'the document is there by its id before a refresh').toBe(true);
    expect({ before, after }, 'hits of a search before and after a refresh').toEqual({ before: 0, after: 1 });
    return { byIdBefore: true, hitsBefore: before, hitsAfter: after };
  },
);

check(
  'elasticsearch.occ.if_seq_no',
  {
    level: 'semantics',
    claim: 'Of two writers that have read the same version of a document, the second one is refused',
    writes: ['index'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for a gateway that drops the parameters if_seq_no and if_primary_term of a request',
    },
  },
  async ({ elasticsearch: { api, createIndex }, scratch, expect, signal }) => {
    const index = scratch.name('index', 'contended');
    await createIndex(index, { writer: { type: 'keyword' } }, signal);
    const first = await api.index({ index, id: '1', document: { writer: 'nobody' } }, { signal });
    const seen = { if_seq_no: first._seq_no ?? -1, if_primary_term: first._primary_term ?? -1 };
    const write = (writer: string): Promise<string> =>
      api.index({ index, id: '1', document: { writer }, ...seen }, { signal }).then(
        ({ result }) => result,
        (error: unknown) => conflict(error) ?? Promise.reject(error),
      );
    const won = await write('first');
    const lost = await write('second');
    const { _source: source } = await api.get({ index, id: '1' }, { signal });
    expect({ won, lost }, 'what two writers of the same version are told').toEqual({
      won: 'updated',
      lost: 'version_conflict_engine_exception',
    });
    expect(source, 'the document in the end').toEqual({ writer: 'first' });
    return { won, lost };
  },
);

/** The type of the error where it is a conflict. */
function conflict(error: unknown): string | null {
  const { statusCode, body } = error as { statusCode?: number; body?: { error?: { type?: string } } };
  return statusCode === 409 ? (body?.error?.type ?? '') : null;
}

check(
  'elasticsearch.bulk.partial',
  {
    level: 'semantics',
    claim: 'Of a bulk request the good documents are taken and the bad ones refused, each told by itself',
    writes: ['index'],
    otherwise: {
      class: 'misconfigured',
      remedy: 'look for an index template that matches every index and sets ignore_malformed or another mapping',
    },
  },
  async ({ elasticsearch: { api, createIndex }, scratch, expect, observe, signal }) => {
    const index = scratch.name('index', 'bulk');
    await createIndex(index, { number: { type: 'integer' } }, signal);
    const documents = [{ number: 1 }, { number: 'seven' }, { number: 3 }, { number: 4, unmapped: true }];
    const operations = documents.flatMap((document, at) => [{ create: { _id: String(at) } }, document]);
    const { errors, items } = await api.bulk({ index, operations, refresh: true }, { signal });
    const told = items.map(({ create }) => [create?.status, create?.error?.type ?? null]);
    observe({ errors, told: JSON.stringify(told) });
    expect(told, 'status and error of each document').toEqual([
      [201, null],
      [400, 'document_parsing_exception'],
      [201, null],
      [400, 'strict_dynamic_mapping_exception'],
    ]);
    expect(errors, 'the answer says that some failed').toBe(true);
    const { count } = await api.count({ index }, { signal });
    expect(count, 'documents in the index').toBe(2);
    return { sent: documents.length, taken: count };
  },
);

check(
  'elasticsearch.template.applied',
  {
    level: 'semantics',
    claim:
      'A new index gets the mapping and the settings of the matching template of highest priority, and of no other',
    writes: ['index', 'index-template'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'compare GET _index_template with the index; look at the log of the master',
    },
  },
  async ({ elasticsearch: { api }, scratch, expect, fail, signal }) => {
    const index = scratch.name('index', 'templated');
    const put = (name: string, priority: number, seconds: number) => {
      const settings = { number_of_replicas: 0, refresh_interval: `${seconds}s` } as const;
      const mappings = { properties: { [`from_${priority}`]: { type: 'keyword' } } } as const;
      return api.indices.putIndexTemplate(
        { name, index_patterns: [index], priority, template: { settings, mappings } },
        { signal },
      );
    };
    await Promise.all([
      put(scratch.name('index-template', 'weaker'), PRIORITY - 1, 17),
      put(scratch.name('index-template', 'stronger'), PRIORITY, 23),
    ]);
    await api.indices.create({ index, settings: { number_of_shards: 2 } }, { signal });
    const [{ index_templates: all }, got] = await Promise.all([
      api.indices.getIndexTemplate({}, { signal }),
      api.indices.get({ index }, { signal }),
    ]);
    const shadows = all.find(
      ({ index_template: { priority = 0, index_patterns: patterns } }) =>
        Number(priority) > PRIORITY && [patterns].flat().some((pattern) => matches(pattern, index)),
    );
    if (shadows)
      fail({
        class: 'misconfigured',
        cause: `the index template ${shadows.name} stands before all others`,
        remedy: 'narrow its index_patterns, or lower its priority',
        evidence: `${shadows.name}: priority ${shadows.index_template.priority}, patterns ${[shadows.index_template.index_patterns].flat().join(', ')}`,
        subject: shadows.name,
      });
    const { mappings, settings } = got[index] ?? {};
    const seen = {
      properties: Object.keys(mappings?.properties ?? {}),
      refresh: settings?.index?.refresh_interval,
      shards: settings?.index?.number_of_shards,
    };
    expect(seen, 'mapping and settings of the new index').toEqual({
      properties: [`from_${PRIORITY}`],
      refresh: '23s',
      shards: '2',
    });
    return { properties: seen.properties, refreshInterval: '23s', shards: 2 };
  },
);

/** Those of Elasticsearch's own are from 100 to 500. */
const PRIORITY = 1_000;

const matches = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(name);

check(
  'elasticsearch.script.painless',
  {
    level: 'semantics',
    claim: 'Scripted updates of one document by several writers at once are all counted',
    writes: ['index'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look at script.allowed_types and script.allowed_contexts, and for a proxy that repeats requests',
    },
  },
  async ({ elasticsearch, scratch, expect, skip, signal }) => {
    const { api } = elasticsearch;
    if (!(await elasticsearch.has(PAINLESS, signal))) skip(`every node has ${PAINLESS}`, false);
    const index = scratch.name('index', 'scripted');
    await elasticsearch.createIndex(index, { total: { type: 'long' } }, signal);
    await api.index({ index, id: '1', document: { total: 0 } }, { signal });
    const script = { lang: 'painless', source: 'ctx._source.total += params.by', params: { by: 7 } };
    const update = () => api.update({ index, id: '1', script, retry_on_conflict: 5 }, { signal });
    await Promise.all([update(), update(), update()]);
    const { _source: source } = await api.get({ index, id: '1' }, { signal });
    expect(source, 'the document after three updates').toEqual({ total: 21 });
    return { updates: 3, total: 21 };
  },
);

const PAINLESS = 'lang-painless';

check(
  'elasticsearch.replica.copies',
  {
    level: 'durability',
    claim:
      'A replica is allocated beside its primary, on another node, and every write is on both when it is acknowledged',
    writes: ['index'],
    otherwise: {
      class: 'not-redundant',
      remedy: 'ask GET _cluster/allocation/explain why the replica has no node',
    },
  },
  async ({ elasticsearch: { api, createIndex }, component, scratch, expect, fail, observe, skip, signal }) => {
    const { number_of_data_nodes: data } = await api.cluster.health({}, { signal });
    if (data < 2 && (component.target ?? 1) < 2) skip('nodes with data', data);
    const index = scratch.name('index', 'copied');
    await createIndex(index, { number: { type: 'integer' } }, signal, { number_of_replicas: 1 });
    const { copies, missing, explanation } = await settledAllocation(
      api,
      (each) => each === index,
      ({ state }) => state !== 'STARTED',
      BUDGETS.attempt,
      signal,
    );
    observe({ index, copies: copies.length, missing: missing.length, nodesWithData: data });
    if (explanation) fail(explainUnassigned(explanation, { data, promised: component.target ?? 1 }));
    const { _shards: written } = await api.index({ index, id: '1', document: { number: 1 } }, { signal });
    expect(new Set(copies.map(({ node }) => node)).size, 'nodes that hold a copy').toBe(2);
    expect(written, 'copies that have the document').toMatchObject({ total: 2, successful: 2, failed: 0 });
    const read = await Promise.all(
      copies.map(({ node }) => api.search({ index, preference: `_only_nodes:${node}`, size: 0 }, { signal })),
    );
    expect(
      read.map(({ _shards: { failed } }) => failed),
      'failures of a search on each node',
    ).toEqual([0, 0]);
    return Object.fromEntries(copies.map(({ primary, node }) => [primary ? 'primary' : 'replica', node]));
  },
);
