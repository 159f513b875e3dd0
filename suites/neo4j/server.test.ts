import { suite } from '../../helpers/check/suite.ts';
import { service, settingsOf } from '../../helpers/connect/neo4j.ts';

const check = suite(service);

check(
  'neo4j.reach.bolt',
  {
    level: 'reach',
    claim: 'Every Bolt address agrees on a protocol version and lets our credentials in',
    otherwise: { class: 'unreachable', remedy: 'check the Bolt addresses in the phase file' },
  },
  async ({ door }) => door.observed,
);

check(
  'neo4j.reach.http',
  {
    level: 'reach',
    claim: 'Every HTTP address describes the same server as Bolt does',
    otherwise: {
      class: 'wrong-product',
      remedy: 'check the HTTP addresses in the phase file, and what stands before them',
    },
  },
  async ({ neo4j, component, door, expect, signal }) => {
    const answers = await Promise.all(
      (component.endpoints.http ?? []).map(async (address) => {
        const {
          neo4j_version: version,
          neo4j_edition: edition,
          bolt_direct: bolt,
        } = await neo4j.discover(address, signal);
        expect(version, `version at ${address}`).toBe(door.version);
        return [address, { version: String(version), edition: String(edition), bolt: String(bolt) }] as const;
      }),
    );
    return Object.fromEntries(answers);
  },
);

check(
  'neo4j.serve.version',
  {
    level: 'serve',
    claim: 'The server runs the version and edition that were promised, and says the same everywhere',
    otherwise: {
      class: 'wrong-product',
      remedy: 'compare the image of the pod with `version` and `edition` of the phase file',
    },
  },
  async ({ neo4j, component, door, expect, observe, signal }) => {
    const query = 'CALL dbms.components() YIELD name, versions, edition RETURN name, versions[0] AS version, edition';
    const components = await neo4j.read(query, {}, signal, 'system');
    const kernel = components.find(({ name }) => name === 'Neo4j Kernel');
    const { version, edition } = { version: String(kernel?.version), edition: String(kernel?.edition) };
    const promised = settingsOf({ component });
    observe({ version, edition, promised: promised.version ?? null });
    expect(version, 'version of the kernel against that of the Bolt agent').toBe(door.version);
    if (promised.version !== undefined)
      expect(`${version}.`.startsWith(`${promised.version}.`), `${version} where ${promised.version} is promised`).toBe(
        true,
      );
    if (promised.edition !== undefined) expect(edition, 'edition').toBe(promised.edition);
    return {};
  },
);

check(
  'neo4j.serve.db-online',
  {
    level: 'serve',
    claim: 'The databases system and the one that is used are online, as they were asked to be, without an error',
    otherwise: {
      class: 'crash',
      remedy:
        'read the error in SHOW DATABASES and neo4j.log: a store that needs an upgrade (dbms.allow_upgrade), a full or damaged volume',
    },
  },
  async ({ neo4j, expect, fail, observe, signal }) => {
    const databases = await neo4j.read('SHOW DATABASES', {}, signal, 'system');
    const names = databases.map(({ name }) => String(name));
    observe({ databases: names });
    if (!names.includes(neo4j.database))
      fail({
        class: 'misconfigured',
        cause: `the database ${neo4j.database} does not exist`,
        remedy: 'check `database` in the phase file; the community edition has one user database',
        evidence: `SHOW DATABASES names ${names.join(', ')}`,
      });
    for (const { name, requestedStatus, currentStatus, error, statusMessage } of databases) {
      if (name !== 'system' && name !== neo4j.database) continue;
      const said = String(error ?? statusMessage ?? '');
      expect({ requestedStatus, currentStatus, said }, `database ${name}`).toEqual({
        requestedStatus: 'online',
        currentStatus: 'online',
        said: '',
      });
    }
    return { online: ['system', neo4j.database] };
  },
);
