import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/neo4j.ts';
import { describe } from '../../helpers/diagnose/outcome.ts';

const check = suite(service);

check(
  'neo4j.routing.table',
  {
    level: 'semantics',
    claim:
      'The routing table names a writer, a reader and a router, and each answers at the address that it advertises',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'set dbms.connector.bolt.advertised_address (server.bolt.advertised_address from 5 on) to an address that clients reach; through a tunnel use bolt:// in place of neo4j://',
    },
  },
  async ({ neo4j, expect, fail, observe, signal }) => {
    // Without a routing context, as a single server puts into its answer the address that the client says it dialled.
    const [table] = await neo4j.read(
      'CALL dbms.routing.getRoutingTable({}, $database)',
      { database: neo4j.database },
      signal,
    );
    const servers = (table?.servers ?? []) as { role: string; addresses: string[] }[];
    const byRole = Object.fromEntries(servers.map(({ role, addresses }) => [role, addresses]));
    observe({ table: byRole });
    expect(Object.keys(byRole).sort(), 'roles in the routing table').toEqual(['READ', 'ROUTE', 'WRITE']);
    const advertised = [...new Set(Object.values(byRole).flat())];
    await Promise.all(
      advertised.map((address) =>
        neo4j.askAt(address, signal).catch((error: unknown) => {
          signal.throwIfAborted();
          fail({
            cause: `the server advertises ${address}, which does not answer us`,
            evidence: describe(error),
            subject: `advertised address ${address}`,
          });
        }),
      ),
    );
    return { answered: advertised };
  },
);
