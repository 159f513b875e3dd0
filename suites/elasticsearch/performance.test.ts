import { suite } from '../../helpers/check/suite.ts';
import { service, settingsOf } from '../../helpers/connect/elasticsearch.ts';
import { percentile } from '../../helpers/objective.ts';

const check = suite(service);

const SAMPLES = 200;
const IN_FLIGHT = 10;
const round = (value: number): number => Math.round(value * 10) / 10;

/** Milliseconds of each request, ten at a time, after as many that are not counted: connections and caches are no part of what is promised. */
async function measure(ask: (n: number) => Promise<unknown>, signal: AbortSignal): Promise<number[]> {
  await Promise.all(Array.from({ length: IN_FLIGHT * 2 }, (_, n) => ask(n)));
  const samples: number[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < SAMPLES) {
        signal.throwIfAborted();
        const began = performance.now();
        await ask(next++);
        samples.push(performance.now() - began);
      }
    }),
  );
  return samples;
}

check(
  'elasticsearch.perf.index-p99',
  {
    level: 'performance',
    claim: 'Of 200 documents of 1 KiB, ten at a time, 99 in a hundred are acknowledged within the objective',
    writes: ['index'],
    otherwise: {
      class: 'slow',
      remedy: 'look at the disks of the nodes and at GET _cat/thread_pool/write, then at the network from here',
    },
  },
  async ({ elasticsearch: { api, createIndex }, component, scratch, grade, observe, skip, signal }) => {
    const objective = settingsOf(component).objectives?.indexP99;
    if (!objective) return skip('objectives.indexP99', null);
    const index = scratch.name('index', 'indexed');
    await createIndex(index, { text: { type: 'keyword', index: false, doc_values: false } }, signal);
    const document = { text: 'assay '.repeat(170) };
    const samples = await measure(() => api.index({ index, document }, { signal }), signal);
    observe({ samples: samples.length, p50: round(percentile(samples, 0.5)), p99: round(percentile(samples, 0.99)) });
    return { p99: round(grade(samples, 0.99, objective)), ...objective };
  },
);

const DOCUMENTS = 10_000;

check(
  'elasticsearch.perf.search-p99',
  {
    level: 'performance',
    claim:
      'Of 200 searches of 10,000 small documents, ten at a time, 99 in a hundred are answered within the objective',
    writes: ['index'],
    otherwise: {
      class: 'slow',
      remedy: 'look at GET _nodes/hot_threads and GET _cat/thread_pool/search, then at the network from here',
    },
  },
  async ({ elasticsearch: { api, createIndex }, component, scratch, grade, observe, skip, signal }) => {
    const objective = settingsOf(component).objectives?.searchP99;
    if (!objective) return skip('objectives.searchP99', null);
    const index = scratch.name('index', 'searched');
    await createIndex(index, { number: { type: 'integer' }, text: { type: 'text' } }, signal);
    const operations = Array.from({ length: DOCUMENTS }, (_, number) => [
      { index: {} },
      { number, text: `word${number % 100} common` },
    ]).flat();
    await api.bulk({ index, operations, refresh: true }, { signal });
    const samples = await measure(
      (n) => api.search({ index, query: { match: { text: `word${n % 100}` } }, sort: ['number'] }, { signal }),
      signal,
    );
    observe({ samples: samples.length, p50: round(percentile(samples, 0.5)), p99: round(percentile(samples, 0.99)) });
    return { p99: round(grade(samples, 0.99, objective)), ...objective };
  },
);
