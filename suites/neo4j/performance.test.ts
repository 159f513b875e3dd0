import { suite } from '../../helpers/check/suite.ts';
import { SCRATCH_LABEL, service, settingsOf } from '../../helpers/connect/neo4j.ts';
import { LEAST_SAMPLES, type Objective, percentile } from '../../helpers/objective.ts';

const check = suite(service);

const WARM_UP = 10;
const READS = 300;
const COMMITS = 100;

/**
 * Milliseconds of each, one after the other. Ends when so many are over the limit that the rest can't change the 99th percentile.
 * The first ones, in which both sides plan and open connections, are no part of what is promised.
 */
async function timed(count: number, { limit }: Objective, once: (n: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  const decisive = Math.floor(count / 100) + 1;
  let late = 0;
  for (let n = -WARM_UP; n < count && (late < decisive || samples.length < LEAST_SAMPLES); n += 1) {
    const began = performance.now();
    await once(n + WARM_UP);
    if (n < 0) continue;
    const ms = performance.now() - began;
    samples.push(ms);
    if (ms > limit) late += 1;
  }
  return samples;
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

check(
  'neo4j.perf.read-p99',
  {
    level: 'performance',
    claim: `Of ${READS} nodes that are read by their id, one after the other, 99 in a hundred come within the objective`,
    writes: ['nodes'],
    deadlineMs: 60_000,
    otherwise: {
      class: 'slow',
      remedy:
        'look for pauses of the garbage collector in debug.log, then for a page cache that is smaller than the store',
    },
  },
  async ({ neo4j, component, scratch, signal, grade, observe, skip }) => {
    const objective = settingsOf({ component }).objectives?.readP99;
    if (!objective) return skip('objectives.readP99', null);
    const name = scratch.name('nodes', 'read');
    // 4 knows no elementId, and later versions warn of id.
    const idOf = neo4j.major < 5 ? 'id' : 'elementId';
    const nodes = await neo4j.write(
      `UNWIND range(1, 100) AS number CREATE (n:${SCRATCH_LABEL} {scratch: $name, number: number}) RETURN ${idOf}(n) AS id`,
      { name },
      signal,
    );
    const query = `MATCH (n) WHERE ${idOf}(n) = $id RETURN n.number AS number`;
    const samples = await timed(READS, objective, (n) => neo4j.read(query, { id: nodes[n % 100]?.id }, signal));
    observe({ samples: samples.length, p50: round(percentile(samples, 0.5)) });
    return { p99: round(grade(samples, 0.99, objective)), ...objective };
  },
);

check(
  'neo4j.perf.commit-p99',
  {
    level: 'performance',
    claim: `Of ${COMMITS} transactions that create a node, one after the other, 99 in a hundred are committed within the objective`,
    writes: ['nodes'],
    deadlineMs: 60_000,
    otherwise: {
      class: 'slow',
      remedy: 'look at the disk of the transaction logs: each commit waits until it is on it',
    },
  },
  async ({ neo4j, component, scratch, signal, grade, observe, skip }) => {
    const objective = settingsOf({ component }).objectives?.commitP99;
    if (!objective) return skip('objectives.commitP99', null);
    const name = scratch.name('nodes', 'commit');
    const query = `CREATE (:${SCRATCH_LABEL} {scratch: $name, number: $number})`;
    const samples = await timed(COMMITS, objective, (n) => neo4j.write(query, { name, number: BigInt(n) }, signal));
    observe({ samples: samples.length, p50: round(percentile(samples, 0.5)) });
    return { p99: round(grade(samples, 0.99, objective)), ...objective };
  },
);
