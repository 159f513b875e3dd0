import { rewriteRows } from '../../fixtures/faults/bolt-frames.ts';
import type { Dictionary } from '../../fixtures/faults/packstream.ts';
import { NO_ADDRESS } from '../../fixtures/platform/service.ts';
import { prove } from '../../helpers/check/proof.ts';
import './routing.test.ts';

const changeServers = (change: (servers: readonly Dictionary[]) => readonly Dictionary[]) =>
  rewriteRows(/getRoutingTable/, (row) => ({ ...row, servers: change(row.servers as readonly Dictionary[]) }));

prove('neo4j.routing.table', {
  fault: 'the server advertises an address that nobody listens at',
  expect: 'misconfigured',
  subject: `advertised address ${NO_ADDRESS}`,
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(changeServers((servers) => servers.map((each) => ({ ...each, addresses: [NO_ADDRESS] })))),
});

prove('neo4j.routing.table', {
  fault: 'no server takes writes',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(changeServers((servers) => servers.filter(({ role }) => role !== 'WRITE'))),
});
