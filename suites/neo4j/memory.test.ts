import { suite } from '../../helpers/check/suite.ts';
import { bytesOf, type Neo4jClient, service, settingsOf } from '../../helpers/connect/neo4j.ts';

const check = suite(service);

const MIB = 2 ** 20;
/** What a server takes beside heap and page cache: threads, code, direct buffers, Lucene's files. Source: operations manual, "Memory configuration". */
const REST_MIB = 1_024;

/** The size of the page cache as it is set; null: left to a share of all that the machine has. */
async function pageCache(neo4j: Neo4jClient, signal: AbortSignal): Promise<number | null> {
  const name = neo4j.major < 5 ? 'dbms.memory.pagecache.size' : 'server.memory.pagecache.size';
  const { [name]: size } = await neo4j.settings([name], signal);
  return size == null ? null : bytesOf(size);
}

/** The heap as the JVM has it: settings say what was meant, and nothing where the JVM was given it directly. */
async function heap(neo4j: Neo4jClient, signal: AbortSignal): Promise<{ first: number; most: number; used: number }> {
  const [row] = await neo4j.read(
    `CALL dbms.queryJmx('java.lang:type=Memory') YIELD attributes
     WITH attributes.HeapMemoryUsage.value.properties AS heap
     RETURN heap.init AS first, heap.max AS most, heap.used AS used`,
    {},
    signal,
  );
  return { first: Number(row?.first), most: Number(row?.most), used: Number(row?.used) };
}

const mib = (bytes: number): number => Math.round(bytes / MIB);

check(
  'neo4j.memory.heap',
  {
    level: 'hygiene',
    claim: 'The heap has a size that was given to it, and has it from the start',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'set heap.initial_size and heap.max_size (dbms.memory.…, server.memory.… from 5 on) to one value: without them the JVM takes a share of all memory that it sees',
    },
  },
  async ({ neo4j, expect, observe, signal }) => {
    const [arguments_, { first, most }] = await Promise.all([
      neo4j.read(
        "CALL dbms.queryJmx('java.lang:type=Runtime') YIELD attributes RETURN attributes.InputArguments.value AS given",
        {},
        signal,
      ),
      heap(neo4j, signal),
    ]);
    const given = (arguments_[0]?.given ?? []) as string[];
    const sizes = given.filter((each) => /^-Xm[sx]|^-XX:(Min|Max|Initial)(Heap|RAM)/.test(each));
    observe({ firstMiB: mib(first), mostMiB: mib(most), given: sizes });
    expect(
      sizes.some((each) => /^-Xmx|^-XX:Max/.test(each)),
      'the most that the heap may have was given',
    ).toBe(true);
    // The most is told without the part that a collector keeps free to copy into.
    expect(mib(first), 'MiB of heap at the start, against the most').toBeGreaterThanOrEqual(mib(most));
    return {};
  },
);

check(
  'neo4j.memory.page-cache',
  {
    level: 'hygiene',
    claim: 'The page cache has a size that was given to it, no less than was promised',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'set dbms.memory.pagecache.size (server.memory.pagecache.size from 5 on) to the size of the store and a fifth more: without it the server takes half of what the heap leaves of the machine',
    },
  },
  async ({ neo4j, component, expect, observe, signal }) => {
    const size = await pageCache(neo4j, signal);
    const promised = settingsOf({ component }).memory?.pageCache;
    observe({ pageCacheMiB: size === null ? null : mib(size), promised: promised ?? null });
    expect(size, 'size of the page cache').not.toBeNull();
    if (size !== null && promised !== undefined)
      expect(mib(size), `MiB of page cache where ${promised} is promised`).toBeGreaterThanOrEqual(
        mib(bytesOf(promised)),
      );
    return {};
  },
);

check(
  'neo4j.memory.limit',
  {
    level: 'hygiene',
    claim: 'Heap, page cache and a gibibyte for all else fit into what the server may take',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'raise the memory limit of the pod, or lower heap and page cache: over the limit the kernel ends the server (exit code 137)',
    },
  },
  async ({ neo4j, component, expect, observe, skip, signal }) => {
    const limit = settingsOf({ component }).memory?.limit;
    if (limit === undefined) return skip('memory.limit', null);
    const [{ first, most }, cache] = await Promise.all([heap(neo4j, signal), pageCache(neo4j, signal)]);
    if (cache === null) return skip('page cache', null);
    const sum = { heapMiB: mib(Math.max(first, most)), pageCacheMiB: mib(cache), restMiB: REST_MIB };
    observe({ ...sum, limit });
    const needed = sum.heapMiB + sum.pageCacheMiB + sum.restMiB;
    expect(needed, `MiB needed, of ${mib(bytesOf(limit))} MiB`).toBeLessThanOrEqual(mib(bytesOf(limit)));
    return { neededMiB: needed };
  },
);

/** With more of it in use after a collection, collecting is most of what the server does. */
const HEAP_PERCENT = 85;

check(
  'neo4j.jvm.heap-after-gc',
  {
    level: 'hygiene',
    claim: `What outlives a garbage collection is less than ${HEAP_PERCENT} % of the heap`,
    otherwise: {
      class: 'slow',
      remedy:
        'look for large transactions in SHOW TRANSACTIONS; else raise the heap within the memory limit of the pod',
    },
  },
  async ({ neo4j, expect, observe, skip, signal }) => {
    // A running heap fills up between collections, so what is in use at a moment says nothing. Only pools of the old have a threshold.
    const pools = await neo4j.read(
      `CALL dbms.queryJmx('java.lang:type=MemoryPool,name=*') YIELD attributes
       WITH attributes WHERE attributes.Type.value = 'HEAP' AND attributes.UsageThresholdSupported.value
       RETURN attributes.Name.value AS name, attributes.CollectionUsage.value.properties.used AS used`,
      {},
      signal,
    );
    const used = pools.reduce((sum, pool) => sum + Number(pool.used ?? 0), 0);
    // An old generation that was never collected has never been full.
    if (used === 0) return skip('collections of the old generation', 0);
    const { most } = await heap(neo4j, signal);
    const percent = Math.round((100 * used) / most);
    observe({ pools: pools.map(({ name }) => String(name)), usedMiB: mib(used), mostMiB: mib(most), percent });
    expect(percent, 'percent of the heap in use after a collection').toBeLessThan(HEAP_PERCENT);
    return {};
  },
);
