import { suite } from '../../helpers/check/suite.ts';
import { SCRATCH_LABEL, service } from '../../helpers/connect/neo4j.ts';
import { statusCode } from '../../helpers/diagnose/neo4j.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

check(
  'neo4j.durability.restart',
  {
    level: 'durability',
    disruptive: true,
    claim: 'What was committed is there after the server was killed and started again, in the same store',
    writes: ['nodes'],
    // A start, with recovery from the transaction logs.
    deadlineMs: 90_000,
    otherwise: {
      class: 'data-wrong',
      remedy: 'check that /data is on a volume that outlives the pod, and that its disk keeps what it has acknowledged',
    },
  },
  async ({ neo4j, scratch, expect, observe, signal, disruption }) => {
    const name = scratch.name('nodes', 'restart');
    const query = `MATCH (n:${SCRATCH_LABEL} {scratch: $name}) RETURN count(n) AS nodes`;
    const [before] = await neo4j.read('CALL db.info() YIELD id', {}, signal);
    await neo4j.write(
      `UNWIND range(1, 100) AS n CREATE (:${SCRATCH_LABEL} {scratch: $name, number: n})`,
      { name },
      signal,
    );
    const began = performance.now();
    await disruption.restart('neo4j-1');
    const rows = await until(
      () =>
        neo4j
          .read(query, { name }, signal)
          .catch((error: unknown) => (isStarting(error) ? undefined : Promise.reject(error))),
      signal,
      POLL_MS,
    );
    const [after] = await neo4j.read('CALL db.info() YIELD id', {}, signal);
    observe({ recoveredMs: Math.round(performance.now() - began), nodes: Number(rows[0]?.nodes) });
    expect(after?.id, 'store').toBe(before?.id);
    expect(rows[0]?.nodes, 'nodes of 100 that were committed').toBe(100n);
    return { store: String(after?.id) };
  },
);

const POLL_MS = 250;

/** While it starts nothing listens, or a database is not there yet. What else it says holds. */
function isStarting(error: unknown): boolean {
  const code = statusCode(error);
  return code === null || /^Neo\.TransientError|DatabaseNotFound/.test(code);
}
