import { BUDGETS } from '../../helpers/budgets.ts';
import { suite } from '../../helpers/check/suite.ts';
import { settledAllocation } from '../../helpers/connect/elasticsearch/allocation.ts';
import { service } from '../../helpers/connect/elasticsearch.ts';
import { explainUnassigned, MISSING_NODE } from '../../helpers/diagnose/elasticsearch.ts';
import { until } from '../../helpers/poll.ts';
import { scratchOwner } from '../../helpers/scratch.ts';

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
  async ({ elasticsearch, component, fail, observe, signal }) => {
    // Half of the answer's budget: a new index is red for the moment that its primaries take.
    const wait = { wait_for_status: 'yellow', timeout: `${BUDGETS.answer / 2}ms` } as const;
    const health = await elasticsearch.api.cluster.health(wait, { signal, ignore: [408] });
    const { status, number_of_nodes: nodes, unassigned_shards: unassigned, active_shards: active } = health;
    observe({ status, nodes, activeShards: active, unassignedShards: unassigned });
    if (status === 'red') fail(explainUnassigned(await elasticsearch.api.cluster.allocationExplain({}, { signal })));
    const promised = component.target ?? 1;
    if (nodes < promised)
      fail({
        cause: `${nodes} of ${promised} nodes are in the cluster`,
        evidence: `GET _cluster/health: number_of_nodes ${nodes}`,
        subject: MISSING_NODE,
      });
    return { promised: component.target };
  },
);

check(
  'elasticsearch.shards.explained',
  {
    level: 'availability',
    claim: 'Every copy of every shard is on a node, or on its way to one',
    otherwise: { class: 'not-redundant', remedy: 'ask GET _cluster/allocation/explain why the copy has no node' },
  },
  async ({ elasticsearch: { api }, component, fail, observe, signal }) => {
    // An index of a run that works is not yet whole, and what one that was killed left is the sweep's matter.
    const isOurs = (index: string): boolean => scratchOwner(index) !== null;
    const { copies, missing, explanation } = await settledAllocation(
      api,
      (index) => !isOurs(index),
      ({ state }) => state === 'UNASSIGNED',
      BUDGETS.answer,
      signal,
    );
    const { status, number_of_data_nodes: data } = await api.cluster.health({}, { signal });
    observe({ status, copies: copies.length, unassigned: missing.length, nodesWithData: data });
    if (explanation) {
      const { cause, ...rest } = explainUnassigned(explanation, { data, promised: component.target ?? 1 });
      fail({ cause: `${missing.length} of ${copies.length} copies of shards are on no node: ${cause}`, ...rest });
    }
    return { promised: component.target };
  },
);

/** Every change of mappings, settings and shards waits in this queue of the master. */
const QUEUE_MS = 30_000;

check(
  'elasticsearch.pending-tasks',
  {
    level: 'hygiene',
    claim: 'No change of the cluster state has waited for the master for more than half a minute',
    otherwise: {
      class: 'slow',
      remedy: 'look at the load of the master, and for thousands of small shards or of mappings that grow',
    },
  },
  async ({ elasticsearch: { api }, fail, signal }) => {
    const { tasks } = await api.cluster.pendingTasks({}, { signal });
    const late = tasks.filter((task) => Number(task.time_in_queue_millis) > QUEUE_MS);
    const [worst] = late;
    if (worst)
      fail({
        cause: `${late.length} changes of the cluster state have waited for the master for more than ${QUEUE_MS / 1_000} s`,
        evidence: late
          .slice(0, 5)
          .map(({ source, priority, time_in_queue_millis: ms }) => `${source} (${priority}): ${ms} ms`)
          .join('; '),
      });
    return { pending: tasks.length };
  },
);

check(
  'elasticsearch.breakers-gc',
  {
    level: 'availability',
    claim:
      'No node is short of heap: no circuit breaker trips, and the collector of the old generation has little to do',
    otherwise: {
      class: 'slow',
      remedy: 'look at GET _nodes/stats/breaker and at what is searched; raise the heap or add a node',
    },
  },
  async ({ elasticsearch: { api }, fail, signal }) => {
    const sample = async () => {
      const { nodes } = await api.nodes.stats({ metric: ['jvm', 'breaker'] }, { signal });
      return Object.values(nodes).map(({ name = '', jvm, breakers = {} }) => ({
        name,
        at: jvm?.timestamp ?? 0,
        heap: jvm?.mem?.heap_used_percent ?? 0,
        oldMs: Number(jvm?.gc?.collectors?.old?.collection_time_in_millis ?? 0),
        tripped: Object.fromEntries(Object.entries(breakers).map(([breaker, { tripped = 0 }]) => [breaker, tripped])),
      }));
    };
    const before = await sample();
    const after = await until(
      async () => {
        const now = await sample();
        const sinceOf = (name: string) => before.find((node) => node.name === name);
        return now.every(({ name, at }) => at - (sinceOf(name)?.at ?? 0) >= WINDOW_MS) ? now : undefined;
      },
      signal,
      WINDOW_MS / 4,
    );
    const nodes = after.flatMap((node) => {
      const first = before.find(({ name }) => name === node.name);
      if (!first) return [];
      const heap = Math.min(first.heap, node.heap);
      const collecting = Math.round((100 * (node.oldMs - first.oldMs)) / (node.at - first.at));
      const tripped = Object.keys(node.tripped).filter((key) => (node.tripped[key] ?? 0) > (first.tripped[key] ?? 0));
      const signs = [
        ...(tripped.length > 0 ? [`the breaker ${tripped.join(', ')} trips`] : []),
        ...(heap >= MOST_HEAP ? [`${heap} % of it stay in use`] : []),
        ...(collecting > MOST_COLLECTING
          ? [`${collecting} % of the time go to collections of the old generation`]
          : []),
      ];
      return [{ name: node.name, heap, signs }];
    });
    const short = nodes.filter(({ signs }) => signs.length > 0);
    const [worst] = short;
    if (worst)
      fail({
        cause: `${worst.name} is short of heap: ${worst.signs.join('; ')}`,
        evidence: short.map(({ name, heap, signs }) => `${name}: heap ${heap} %, ${signs.join('; ')}`).join('; '),
        ...(short.length === 1 ? { subject: worst.name } : {}),
      });
    return Object.fromEntries(nodes.map(({ name, heap }) => [name, `${heap} % of the heap, no breaker tripped`]));
  },
);

/** The nodes take their own samples once a second (monitor.jvm.refresh_interval). */
const WINDOW_MS = 1_000;
/** Percent in both samples. The parent breaker refuses requests at 95. */
const MOST_HEAP = 85;
/** Percent of the window. */
const MOST_COLLECTING = 50;
