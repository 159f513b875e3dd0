import { suite } from '../../helpers/check/suite.ts';
import { SCRATCH_LABEL, service, settingsOf } from '../../helpers/connect/neo4j.ts';
import { statusCode } from '../../helpers/diagnose/neo4j.ts';

const check = suite(service);

check(
  'neo4j.constraint.unique',
  {
    level: 'semantics',
    claim: 'Every uniqueness constraint on nodes refuses a second node with the same values',
    writes: ['nodes'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look at SHOW INDEXES for what stands behind the constraint, then check the store (neo4j-admin)',
    },
  },
  async ({ neo4j, scratch, expect, skip, signal }) => {
    // Those that are there: in 4.4 a new one makes every other transaction that is open fail (ConstraintsChanged).
    const constraints = await neo4j.read(
      `SHOW CONSTRAINTS YIELD type, entityType, labelsOrTypes, properties
       WHERE entityType = 'NODE' AND type CONTAINS 'UNIQUE'
       RETURN labelsOrTypes[0] AS label, properties`,
      {},
      signal,
    );
    if (constraints.length === 0) return skip('uniqueness constraints', 0);
    const name = scratch.name('nodes', 'unique');
    const refused: Record<string, string | null> = {};
    for (const { label, properties } of constraints) {
      const values = (properties as string[]).map((property) => `${quoted(property)}: $name`).join(', ');
      const create = `CREATE (:${SCRATCH_LABEL}:${quoted(String(label))} {scratch: $name, ${values}})`;
      // Never committed, so that no application meets them.
      await using transaction = await neo4j.begin('write', signal);
      await transaction.run(create, { name });
      refused[`:${label}(${properties})`] = await transaction.run(create, { name }).then(
        () => null,
        (error: unknown) => statusCode(error) ?? Promise.reject(error),
      );
    }
    const expected = Object.keys(refused).map((each) => [each, 'Neo.ClientError.Schema.ConstraintValidationFailed']);
    expect(refused, 'what a duplicate comes to').toEqual(Object.fromEntries(expected));
    return refused;
  },
);

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

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
    const indexes = await neo4j.read('SHOW INDEXES YIELD name, state, populationPercent', {}, signal);
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
