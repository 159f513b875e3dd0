import { suite } from '../../helpers/check/suite.ts';
import { type Neo4jClient, SCRATCH_LABEL, service, settingsOf } from '../../helpers/connect/neo4j.ts';
import { statusCode } from '../../helpers/diagnose/neo4j.ts';
import { scratchOwner } from '../../helpers/scratch.ts';

const check = suite(service);

/** One label for all runs, as its token is never given back. */
const UNIQUE_LABEL = 'AssayUnique';

check(
  'neo4j.constraint.unique',
  {
    level: 'semantics',
    claim: 'A uniqueness constraint refuses a second node with the same value, and the first one stays',
    writes: ['nodes', 'constraint'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look at SHOW CONSTRAINTS and SHOW INDEXES for what stands behind it, then check the store (neo4j-admin)',
    },
  },
  async ({ neo4j, scratch, expect, fail, observe, signal }) => {
    const name = scratch.name('constraint', 'unique');
    const nodes = scratch.name('nodes', 'unique');
    await using _constraint = await constrain(neo4j, name, signal);
    const [holder] = await neo4j.read(
      'SHOW CONSTRAINTS YIELD name, type, labelsOrTypes WHERE $label IN labelsOrTypes RETURN name, type',
      { label: UNIQUE_LABEL },
      signal,
    );
    observe({ constraint: String(holder?.type ?? 'none') });
    if (holder !== undefined && holder.name !== name)
      fail({
        class: 'our-side',
        cause: 'another run of ours is at the same check',
        remedy: 'run again when it has ended; the sweep of the next run removes what a killed one left',
        evidence: `constraint ${holder.name}`,
      });
    const create = `CREATE (:${SCRATCH_LABEL}:${UNIQUE_LABEL} {scratch: $nodes, key: $nodes, number: $number})`;
    await neo4j.write(create, { nodes, number: 1n }, signal);
    const refused = await neo4j.write(create, { nodes, number: 2n }, signal).then(
      () => null,
      (error: unknown) => statusCode(error) ?? Promise.reject(error),
    );
    expect(refused, 'what a duplicate comes to').toBe('Neo.ClientError.Schema.ConstraintValidationFailed');
    const left = await neo4j.read(
      `MATCH (n:${UNIQUE_LABEL} {key: $nodes}) RETURN n.number AS number`,
      { nodes },
      signal,
    );
    expect(left, 'nodes with the value').toEqual([{ number: 1n }]);
    return { refused, nodes: 1 };
  },
);

/** A constraint for the time of the check: while it is there it holds for every run. */
async function constrain(neo4j: Neo4jClient, name: string, signal: AbortSignal): Promise<AsyncDisposable> {
  await neo4j.write(
    `CREATE CONSTRAINT \`${name}\` IF NOT EXISTS FOR (n:${UNIQUE_LABEL}) REQUIRE n.key IS UNIQUE`,
    {},
    signal,
  );
  return {
    async [Symbol.asyncDispose]() {
      // After an abort the sweep does it.
      await neo4j.write(`DROP CONSTRAINT \`${name}\` IF EXISTS`, {}, signal).catch(() => undefined);
    },
  };
}

check(
  'neo4j.schema.declared',
  {
    level: 'semantics',
    claim: 'Every promised uniqueness constraint and index is there',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'create what is missing (CREATE CONSTRAINT, CREATE INDEX); the application that owns it may not have started yet',
    },
  },
  async ({ neo4j, component, expect, skip, signal }) => {
    const promised = settingsOf({ component }).schema;
    if (promised === undefined) return skip('schema', null);
    const [constraints, indexes] = await Promise.all([
      neo4j.read(
        "SHOW CONSTRAINTS YIELD type, entityType, labelsOrTypes, properties WHERE entityType = 'NODE' RETURN type, labelsOrTypes, properties",
        {},
        signal,
      ),
      neo4j.read(
        "SHOW INDEXES YIELD entityType, labelsOrTypes, properties WHERE entityType = 'NODE' RETURN labelsOrTypes, properties",
        {},
        signal,
      ),
    ]);
    const wording = (kind: string, label: unknown, properties: unknown): string =>
      `${kind} :${label}(${[properties].flat().join(', ')})`;
    // UNIQUENESS in 4.4 and 5, NODE_PROPERTY_UNIQUENESS in some of 2026; a node key of the enterprise edition is unique as well.
    const unique = constraints.filter(({ type }) => /UNIQUE|KEY/.test(String(type)));
    const there = new Set([
      ...unique.map(({ labelsOrTypes, properties }) => wording('unique', labelsOrTypes, properties)),
      ...indexes.map(({ labelsOrTypes, properties }) => wording('index', labelsOrTypes, properties)),
    ]);
    const wanted = Object.entries(promised).flatMap(([label, { unique = [], indexed = [] }]) => [
      ...unique.map((properties) => wording('unique', label, properties)),
      ...indexed.map((properties) => wording('index', label, properties)),
    ]);
    expect(
      wanted.filter((each) => !there.has(each)),
      'promised, and not there',
    ).toEqual([]);
    return { there: wanted };
  },
);

check(
  'neo4j.index.online',
  {
    level: 'hygiene',
    claim: 'Every index is online and fully populated',
    otherwise: {
      class: 'crash',
      remedy: 'read why in neo4j.log; then drop the index and create it again',
    },
  },
  async ({ neo4j, expect, fail, skip, signal }) => {
    const all = await neo4j.read('SHOW INDEXES YIELD name, state, populationPercent', {}, signal);
    // Our own come and go while this one looks.
    const indexes = all.filter(({ name }) => scratchOwner(String(name)) === null);
    if (indexes.length === 0) return skip('indexes', 0);
    const populating = indexes.filter(({ state }) => state === 'POPULATING');
    if (populating.length > 0)
      fail({
        class: 'slow',
        cause: 'an index is still being populated: queries do without it',
        remedy: 'wait until SHOW INDEXES says ONLINE; look at the disk if populationPercent stands still',
        evidence: populating.map(({ name, populationPercent }) => `${name} ${populationPercent} %`).join(', '),
        subject: `index ${populating[0]?.name}`,
      });
    for (const { name, state, populationPercent } of indexes)
      expect({ state, populationPercent }, `index ${name}`).toEqual({ state: 'ONLINE', populationPercent: 100 });
    return { online: indexes.length };
  },
);
