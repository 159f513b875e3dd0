import { suite } from '../../helpers/check/suite.ts';
import { settledAllocation } from '../../helpers/connect/elasticsearch/allocation.ts';
import { service } from '../../helpers/connect/elasticsearch.ts';
import { explainUnassigned } from '../../helpers/diagnose/elasticsearch.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

check(
  'elasticsearch.node.loss',
  {
    level: 'durability',
    disruptive: true,
    claim:
      'What was acknowledged is there when the node with the primary is lost, writes go on, and the cluster is whole again after',
    writes: ['index'],
    // A node that stands still is given up after three checks of 10 s each, by default.
    deadlineMs: 120_000,
    otherwise: {
      class: 'data-wrong',
      remedy: 'look at the log of the master for the failover, and at index.number_of_replicas',
    },
  },
  async ({
    elasticsearch: { api, createIndex },
    component,
    scratch,
    signal,
    expect,
    fail,
    observe,
    disruption,
    skip,
  }) => {
    const health = await api.cluster.health({}, { signal });
    if (health.number_of_data_nodes < 2) skip('nodes with data', health.number_of_data_nodes);
    const { master_node: master } = await api.cluster.state({ metric: 'master_node' }, { signal });
    const { nodes } = await api.nodes.info({ node_id: 'data:true', metric: '_none' }, { signal });
    const lost = Object.entries(nodes).find(([id]) => id !== master)?.[1].name ?? '';
    const index = scratch.name('index', 'survives');
    // On the node that is to be lost first, which makes it the primary's; then the replica comes beside it.
    const there = { 'routing.allocation.require._name': lost, number_of_replicas: 0 };
    await createIndex(index, { number: { type: 'integer' } }, signal, there);
    await api.indices.putSettings(
      { index, settings: { 'index.routing.allocation.require._name': null, number_of_replicas: 1 } as never },
      { signal },
    );
    const { explanation } = await settledAllocation(
      api,
      (each) => each === index,
      ({ state }) => state !== 'STARTED',
      COPY_MS,
      signal,
    );
    if (explanation)
      fail(explainUnassigned(explanation, { data: health.number_of_data_nodes, promised: component.target ?? 1 }));
    const colour = async (wanted: string): Promise<void> => {
      const look = async () => ((await api.cluster.health({ index }, { signal })).status === wanted ? true : undefined);
      await until(look, signal, 200);
    };
    const write = (number: number) =>
      api.index({ index, id: String(number), document: { number } }, { signal, requestTimeout: FAILOVER_MS });
    const before = await Promise.all(Array.from({ length: 50 }, (_, n) => write(n)));
    expect(
      before.filter(({ _shards: { failed } }) => failed > 0),
      'writes that a copy does not have',
    ).toEqual([]);
    const began = performance.now();
    {
      await using _paused = await disruption.pause(lost);
      await until(
        async () =>
          (await api.cluster.health({ local: true }, { signal })).number_of_nodes < health.number_of_nodes
            ? true
            : undefined,
        signal,
        200,
      );
      await colour('yellow');
      observe({ lost, givenUpAfterMs: Math.round(performance.now() - began) });
      await write(50);
      const { docs } = await api.mget({ index, ids: Array.from({ length: 51 }, (_, n) => String(n)) }, { signal });
      const gone = docs.filter((doc) => !('found' in doc && doc.found)).map(({ _id }) => _id);
      expect(gone, 'acknowledged documents that are gone').toEqual([]);
    }
    await colour('green');
    return { acknowledged: 51, lostDocuments: 0, wholeAfterMs: Math.round(performance.now() - began) };
  },
);

const COPY_MS = 10_000;
const FAILOVER_MS = 60_000;
