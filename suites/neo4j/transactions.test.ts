import { suite } from '../../helpers/check/suite.ts';
import { SCRATCH_LABEL, service } from '../../helpers/connect/neo4j.ts';

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
