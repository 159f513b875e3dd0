import { type Row, rewriteRows } from '../../fixtures/faults/bolt-frames.ts';
import { type Fault, prove } from '../../helpers/check/proof.ts';
import './memory.test.ts';

/** Changes the rows of the statements that match. */
const rows =
  (match: RegExp, change: (row: Row) => Row): NonNullable<Fault['break']> =>
  async ({ proxies }) =>
    proxies[0]?.rewrite(rewriteRows(match, change));

/** The phase promises this of its memory. */
const promise =
  (memory: Readonly<Record<string, string>>): NonNullable<Fault['declare']> =>
  (component) => ({ ...component, settings: { ...component.settings, memory } });

const MIB = 2n ** 20n;

prove('neo4j.memory.heap', {
  fault: 'the JVM was started without a size for its heap',
  expect: 'misconfigured',
  from: 'body',
  break: rows(/type=Runtime/, (row) => ({ ...row, given: ['-XX:+UseG1GC'] })),
});

prove('neo4j.memory.heap', {
  fault: 'the heap begins with a quarter of its size',
  expect: 'misconfigured',
  from: 'body',
  break: rows(/type=Memory'/, (row) => ({ ...row, first: 64n * MIB })),
});

prove('neo4j.memory.page-cache', {
  fault: 'the size of the page cache is not set',
  expect: 'misconfigured',
  from: 'body',
  break: rows(/SETTINGS|listConfig/, (row) => ({ ...row, value: null })),
});

prove('neo4j.memory.page-cache', {
  fault: 'the phase promises a larger one',
  expect: 'misconfigured',
  from: 'door',
  declare: promise({ pageCache: '1g' }),
});

prove('neo4j.memory.limit', {
  fault: 'the pod may take less than heap, page cache and the rest come to',
  expect: 'misconfigured',
  from: 'door',
  declare: promise({ limit: '1Gi' }),
});

prove('neo4j.jvm.heap-after-gc', {
  fault: 'nearly all of the heap outlives a collection',
  expect: 'slow',
  from: 'body',
  break: rows(/type=MemoryPool/, (row) => ({ ...row, used: 240n * MIB })),
});
