import { randomBytes } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/elasticsearch.ts';
import { diagnoseStatus } from '../../helpers/diagnose/elasticsearch.ts';

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
