import { BUDGETS } from '../../helpers/budgets.ts';
import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/elasticsearch.ts';
import { explainUnassigned } from '../../helpers/diagnose/elasticsearch.ts';

const check = suite(service);

check(
  'elasticsearch.reach.http',
  {
    level: 'reach',
    claim: 'Every HTTP address is answered by Elasticsearch, by a node that has joined a cluster',
    otherwise: { class: 'unreachable', remedy: 'check the HTTP addresses in the phase file' },
  },
  async ({ door }) => door.observed,
);

check(
  'elasticsearch.serve.client-compat',
  {
    level: 'serve',
    claim: "The official client of the server's major version is understood, and all addresses lead to one cluster",
    otherwise: { class: 'misconfigured', remedy: 'let every address of the phase file lead to the same cluster' },
  },
  async ({ elasticsearch, door, expect, signal }) => {
    // Only a call with a body fails for sure: client 9.5 lets a server of 8 answer the others as plain text. Of no index, since one that
    // is being created can not be searched yet.
    const [{ version, cluster_uuid: clusterUuid }] = await Promise.all([
      elasticsearch.api.info({}, { signal }),
      elasticsearch.api.search({ index: 'assay-of-no-run-*', size: 0, query: { match_all: {} } }, { signal }),
    ]);
    const uuids = Object.values(door.observed).map((seen) => (seen as { clusterUuid: string }).clusterUuid);
    expect([...new Set([...uuids, clusterUuid])], 'clusters behind the addresses').toEqual([clusterUuid]);
    return { server: version.number, client: elasticsearch.clientMajor, clusterUuid };
  },
);

check(
  'elasticsearch.serve.cluster-health',
  {
    level: 'serve',
    claim: 'The cluster has the promised nodes, and every shard has its primary',
    otherwise: { class: 'not-redundant', remedy: "look at the missing node's pod, its log and its volume" },
  },
  async ({ elasticsearch, component, expect, fail, observe, signal }) => {
    // Half of the answer's budget: a new index is red for the moment that its primaries take.
    const wait = { wait_for_status: 'yellow', timeout: `${BUDGETS.answer / 2}ms` } as const;
    const health = await elasticsearch.api.cluster.health(wait, { signal, ignore: [408] });
    const { status, number_of_nodes: nodes, unassigned_shards: unassigned, active_shards: active } = health;
    observe({ status, nodes, activeShards: active, unassignedShards: unassigned });
    if (status === 'red') fail(explainUnassigned(await elasticsearch.api.cluster.allocationExplain({}, { signal })));
    expect(nodes, 'nodes in the cluster').toBeGreaterThanOrEqual(component.target ?? 1);
    return { promised: component.target };
  },
);
