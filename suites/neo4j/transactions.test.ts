import { suite } from '../../helpers/check/suite.ts';
import { type OpenTransaction, SCRATCH_LABEL, service } from '../../helpers/connect/neo4j.ts';
import { statusCode } from '../../helpers/diagnose/neo4j.ts';

const check = suite(service);

check(
  'neo4j.tx.round-trip',
  {
    level: 'round-trip',
    claim:
      'Ten nodes in a chain, committed in one transaction, come back with every property and relationship as written',
    writes: ['nodes'],
    otherwise: {
      class: 'data-wrong',
      remedy:
        'compare the evidence with the store (neo4j-admin check-consistency); look for a proxy that changes bytes',
    },
  },
  async ({ neo4j, scratch, expect, signal }) => {
    const name = scratch.name('nodes', 'chain');
    const sent = Array.from({ length: 10 }, (_, n) => ({
      number: n,
      long: 2n ** 62n + BigInt(n),
      ratio: n / 3,
      text: `node ${n} of Zürich, 東京, 🜚`,
      list: [`${n}`, 'b'],
      truth: n % 2 === 0,
      at: `2026-02-28T23:59:59.00000010${n}+01:00`,
    }));
    await neo4j.write(
      `UNWIND $sent AS row
       MERGE (n:${SCRATCH_LABEL} {scratch: $name, number: toInteger(row.number)})
       SET n += row {.long, .ratio, .text, .list, .truth}, n.at = datetime(row.at)
       WITH n ORDER BY n.number
       WITH collect(n) AS chain
       UNWIND range(1, size(chain) - 1) AS i
       WITH chain[i - 1] AS one, chain[i] AS next
       MERGE (one)-[:ASSAY_NEXT]->(next)`,
      { name, sent },
      signal,
    );
    const back = await neo4j.read(
      `MATCH (n:${SCRATCH_LABEL} {scratch: $name})
       OPTIONAL MATCH (n)-[:ASSAY_NEXT]->(next)
       WITH n, collect(next.number) AS next ORDER BY n.number
       RETURN n {.*} AS node, next`,
      { name },
      signal,
    );
    expect(back.length, 'nodes read back of 10 written').toBe(10);
    const shape = (value: unknown): string =>
      JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part));
    const read = back.map(({ node, next }) => {
      const { scratch: _, at, ...properties } = node as Record<string, unknown>;
      return shape([Object.entries({ ...properties, at: String(at) }).sort(), next]);
    });
    const written = sent.map(({ number, ...row }) =>
      shape([Object.entries({ ...row, number: BigInt(number) }).sort(), number < 9 ? [BigInt(number + 1)] : []]),
    );
    expect(read, 'nodes read back differ from those written').toEqual(written);
    return { nodes: back.length, relationships: back.flatMap(({ next }) => next as unknown[]).length };
  },
);

const CREATE = `CREATE (n:${SCRATCH_LABEL} {scratch: $name})`;
const COUNT = `MATCH (n:${SCRATCH_LABEL} {scratch: $name}) RETURN count(n) AS nodes`;

check(
  'neo4j.tx.rollback',
  {
    level: 'semantics',
    claim: 'Of a transaction that is rolled back, and of one that an error ends, nothing is left',
    writes: ['nodes'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for a proxy or a driver that commits each statement by itself; then for a damaged store',
    },
  },
  async ({ neo4j, scratch, expect, signal }) => {
    const name = scratch.name('nodes', 'rollback');
    const count = async (by: Pick<typeof neo4j, 'read'>): Promise<unknown> =>
      (await by.read(COUNT, { name }, signal))[0]?.nodes;
    await using undone = await neo4j.begin('write', signal);
    await undone.run(CREATE, { name });
    const within = (await undone.run(COUNT, { name }))[0]?.nodes;
    expect(within, 'nodes that the transaction itself sees').toBe(1n);
    await undone.rollback();
    expect(await count(neo4j), 'nodes left of a transaction that was rolled back').toBe(0n);
    const code = await interrupted(await neo4j.begin('write', signal), name);
    expect(code, 'what division by zero comes to').toBe('Neo.ClientError.Statement.ArithmeticError');
    expect(await count(neo4j), 'nodes left of a transaction that an error ended').toBe(0n);
    return { seenWithin: Number(within), leftAfterRollback: 0, leftAfterError: 0, error: code };
  },
);

/** The status code of the error that it ends with. */
async function interrupted(transaction: OpenTransaction, name: string): Promise<string | null> {
  await using open = transaction;
  await open.run(CREATE, { name });
  return await open.run('RETURN 1 / 0', {}).then(() => null, refusal);
}

/** What the server refused with. What it did not say is thrown on. */
function refusal(error: unknown): string {
  const code = statusCode(error);
  if (code === null) throw error;
  return code;
}

check(
  'neo4j.tx.access-mode',
  {
    level: 'semantics',
    claim: 'A write in a transaction that was opened for reading is refused',
    writes: ['nodes'],
    otherwise: {
      class: 'misconfigured',
      remedy: 'look for a proxy or a router that opens every transaction for writing',
    },
  },
  async ({ neo4j, scratch, expect, signal }) => {
    const name = scratch.name('nodes', 'access-mode');
    await using reading = await neo4j.begin('read', signal);
    const refused = await reading.run(CREATE, { name }).then(() => null, refusal);
    expect(refused, 'what a write comes to').toBe('Neo.ClientError.Statement.AccessMode');
    return { refused };
  },
);

check(
  'neo4j.bookmark.causal',
  {
    level: 'semantics',
    claim: 'A commit gives a bookmark, by which another session sees at once what was committed',
    writes: ['nodes'],
    otherwise: {
      class: 'data-wrong',
      remedy:
        'look for a proxy that sends sessions to servers of different states, and at SHOW DATABASES for members that lag',
    },
  },
  async ({ neo4j, scratch, expect, signal }) => {
    const name = scratch.name('nodes', 'bookmark');
    await using writer = await neo4j.begin('write', signal);
    await writer.run(CREATE, { name });
    const bookmarks = await writer.commit();
    expect(bookmarks.length, 'bookmarks of a commit').toBe(1);
    const began = performance.now();
    await using reader = await neo4j.begin('read', signal, bookmarks);
    const nodes = (await reader.run(COUNT, { name }))[0]?.nodes;
    expect(nodes, 'nodes that another session sees').toBe(1n);
    return { nodes: Number(nodes), waitedMs: Math.round(performance.now() - began) };
  },
);

check(
  'neo4j.deadlock.detected',
  {
    level: 'semantics',
    claim:
      'Of two transactions that wait for each other one is refused as a deadlock, and goes through when it is tried again',
    writes: ['nodes'],
    otherwise: {
      class: 'misconfigured',
      remedy:
        'look at dbms.lock.acquisition.timeout (db.lock.acquisition.timeout from 5 on): with one too short, waiting ends before the deadlock is found',
    },
  },
  async ({ neo4j, scratch, expect, observe, signal }) => {
    const name = scratch.name('nodes', 'deadlock');
    const lock = `MATCH (n:${SCRATCH_LABEL} {scratch: $name, side: $side}) SET n.locks = n.locks + 1`;
    await neo4j.write(
      `UNWIND ['left', 'right'] AS side CREATE (:${SCRATCH_LABEL} {scratch: $name, side: side, locks: 0})`,
      { name },
      signal,
    );
    await using one = await neo4j.begin('write', signal);
    await using other = await neo4j.begin('write', signal);
    await Promise.all([one.run(lock, { name, side: 'left' }), other.run(lock, { name, side: 'right' })]);
    const cross = async (transaction: OpenTransaction, side: string): Promise<string | null> => {
      const refused = await transaction.run(lock, { name, side }).then(() => null, refusal);
      await (refused === null ? transaction.commit() : transaction.rollback());
      return refused;
    };
    const refused = (await Promise.all([cross(one, 'right'), cross(other, 'left')])).filter((code) => code !== null);
    observe({ refused });
    expect(refused, 'what the transactions were refused with').toEqual([
      'Neo.TransientError.Transaction.DeadlockDetected',
    ]);
    await using again = await neo4j.begin('write', signal);
    for (const side of ['right', 'left']) await again.run(lock, { name, side });
    await again.commit();
    const locks = await neo4j.read(
      `MATCH (n:${SCRATCH_LABEL} {scratch: $name}) RETURN n.side AS side, n.locks AS locks ORDER BY side`,
      { name },
      signal,
    );
    expect(locks, 'locks that were taken and committed').toEqual([
      { side: 'left', locks: 2n },
      { side: 'right', locks: 2n },
    ]);
    return { committed: 2 };
  },
);
