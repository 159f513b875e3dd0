import { suite } from '../../helpers/check/suite.ts';
import { advertised, diagnoseGreeting } from '../../helpers/connect/kafka/door.ts';
import { type Ask, describeQuorum, metadata } from '../../helpers/connect/kafka/raw.ts';
import { negotiated, SPOKEN, type SpokenApi } from '../../helpers/connect/kafka/spoken.ts';
import { service, settingsOf } from '../../helpers/connect/kafka.ts';
import { scratchOwner } from '../../helpers/scratch.ts';
import { API_KEYS } from '../../helpers/wire/kafka.ts';

const check = suite(service);

check(
  'kafka.reach.bootstrap',
  {
    level: 'reach',
    claim: 'Every bootstrap server completes an ApiVersions exchange, and one lets our credentials in',
    otherwise: { class: 'unreachable', remedy: 'check the bootstrap addresses in the phase file' },
  },
  async ({ door }) => door.observed,
);

check(
  'kafka.reach.advertised',
  {
    level: 'reach',
    claim: 'Every broker answers ApiVersions at the address that it advertises, each at its own',
    otherwise: {
      class: 'misconfigured',
      remedy: 'give each broker an advertised.listeners address of its own that clients can reach from where they run',
    },
  },
  async ({ kafka, door, expect, fail, signal }) => {
    const brokers = advertised(door.observed);
    const addresses = brokers.map(({ address }) => address);
    expect(addresses, 'brokers advertise the same address').toEqual([...new Set(addresses)]);
    const answers = await Promise.all(
      brokers.map(async ({ id, address }) => {
        const { tookMs } = await kafka
          .greet(address, signal)
          .catch((error: unknown) => fail(diagnoseGreeting(error, address, `broker ${id}`)));
        return [`broker ${id}`, { address, tookMs }] as const;
      }),
    );
    return Object.fromEntries(answers);
  },
);

check(
  'kafka.protocol.negotiation',
  {
    level: 'serve',
    claim: 'Every broker serves every API that clients use, in a version that our client speaks',
    otherwise: {
      class: 'wrong-product',
      remedy:
        'Kafka 4 dropped old versions of its protocol (KIP-896): give the clients a newer library, or the brokers an older release',
    },
  },
  async ({ kafka, door, fail, signal }) => {
    const brokers = await Promise.all(
      advertised(door.observed).map(async ({ id, address }) => {
        const { apis } = await kafka
          .greet(address, signal)
          .catch((error: unknown) => fail(diagnoseGreeting(error, address, `broker ${id}`)));
        const answers = Object.keys(SPOKEN).map((name) => {
          const api = name as SpokenApi;
          const range = apis.find(({ key }) => key === API_KEYS[api]);
          return { api, range, ...negotiated(api, range) };
        });
        return { id, answers };
      }),
    );
    for (const { id, answers } of brokers) {
      const unserved = answers.filter(({ served }) => !served);
      if (unserved.length > 0)
        fail({
          cause: `broker ${id} does not serve ${unserved.map(({ api }) => api).join(', ')} in a version that kafkajs speaks`,
          evidence: unserved
            .map(
              ({ api, range }) =>
                `${api}: served ${range?.min ?? '-'} to ${range?.max ?? '-'}, spoken ${SPOKEN[api].join(' to ')}`,
            )
            .join('; '),
        });
    }
    const [first] = brokers;
    return {
      brokers: brokers.map(({ id }) => id),
      versions: Object.fromEntries((first?.answers ?? []).map(({ api, version }) => [api, version])),
    };
  },
);

check(
  'kafka.cluster.brokers',
  {
    level: 'availability',
    claim: 'As many brokers are registered as were promised, with distinct ids, in one cluster',
    otherwise: { class: 'not-redundant', remedy: "look at the missing broker's pod, its log and its volume" },
  },
  async ({ kafka, component, door, signal, expect, fail, observe }) => {
    const { brokers, clusterId } = await kafka.admin.describeCluster();
    const ids = brokers.map(({ nodeId }) => nodeId).sort((a, b) => a - b);
    observe({ clusterId, brokers: ids });
    expect(new Set(ids).size, 'brokers share an id').toBe(ids.length);
    expect(door.observed.clusterId ?? clusterId, 'the brokers disagree on the cluster id').toBe(clusterId);
    const promised = component.target;
    if (promised !== null && ids.length < promised) {
      const { partitions } = await metadata((request) => kafka.ask(request, signal), null);
      const holders = partitions.flatMap(({ replicas }) => replicas);
      const known = [...advertised(door.observed).map(({ id }) => id), ...holders];
      const absent = [...new Set(known)].filter((id) => !ids.includes(id));
      fail({
        cause: `${ids.length} of ${promised} brokers are registered${absent.length ? `; missing: broker ${absent.join(', broker ')}` : ''}`,
        evidence: `Metadata names brokers ${ids.join(', ')}`,
        ...(absent.length === 1 ? { subject: `broker ${absent[0]}` } : {}),
      });
    }
    return { promised };
  },
);

/** The leader hears of each follower at least every controller.quorum.fetch.timeout.ms, 2 s by default, or loses its office. */
const VOTER_BEHIND_MS = 5_000;

check(
  'kafka.controller.quorum',
  {
    level: 'availability',
    claim: 'The controllers have a leader, are an odd number that can take the loss of one, and all keep up with it',
    otherwise: {
      class: 'quorum-lost',
      remedy: 'bring the controllers back: without a majority no topic can be created and no ISR can change',
    },
  },
  async ({ kafka, component, signal, expect, fail, observe }) => {
    const ask: Ask = (request) => kafka.ask(request, signal);
    const [{ errorCode, leader, epoch, voters }, { brokers, partitions }] = await Promise.all([
      describeQuorum(ask),
      metadata(ask, null),
    ]);
    if (errorCode === CLUSTER_AUTHORIZATION_FAILED)
      fail({
        class: 'authorization',
        cause: 'our principal may not describe the cluster',
        remedy: "grant the suite's user the ACL DESCRIBE on CLUSTER",
        evidence: `DescribeQuorum: error code ${errorCode}`,
      });
    observe({ leader, epoch, voters: voters.map(({ id, behindMs }) => ({ id, behindMs })) });
    expect(errorCode, 'error code of DescribeQuorum').toBe(0);
    expect(leader, 'id of the leading controller').toBeGreaterThanOrEqual(0);
    const late = voters.filter(({ behindMs }) => behindMs === null || behindMs > VOTER_BEHIND_MS);
    if (late.length > 0) {
      const known = new Set([...brokers, ...partitions.flatMap(({ replicas }) => replicas)]);
      const names = late.map(({ id }) => `${known.has(id) ? 'broker' : 'controller'} ${id}`);
      fail({
        class: 'not-redundant',
        cause: `${late.length} of ${voters.length} controllers do not keep up with their leader: ${names.join(', ')}`,
        remedy:
          'look at the log, the disk and the network of that controller; the loss of another one may stop the cluster',
        evidence: late
          .map(({ id, behindMs }) => `${id}: ${behindMs === null ? 'never caught up' : `${behindMs} ms behind`}`)
          .join(', '),
        ...(names.length === 1 ? { subject: names[0] as string } : {}),
      });
    }
    const enough = (component.target ?? 1) >= 3 ? 3 : 1;
    expect(voters.length, 'controllers with a vote').toBeGreaterThanOrEqual(enough);
    expect(voters.length % 2, `${voters.length} controllers with a vote, which is no odd number`).toBe(1);
    return { majority: Math.floor(voters.length / 2) + 1 };
  },
);

/** Source: Apache Kafka protocol guide, "Error Codes". */
const CLUSTER_AUTHORIZATION_FAILED = 31;

check(
  'kafka.rack.awareness',
  {
    level: 'availability',
    claim: 'The brokers are spread over the promised racks, and no partition has all its replicas in one',
    otherwise: {
      class: 'not-redundant',
      remedy: 'move the replicas apart: kafka-reassign-partitions.sh, or Cruise Control',
    },
  },
  async ({ kafka, component, signal, fail, skip }) => {
    const { brokers, partitions } = await metadata((request) => kafka.ask(request, signal), null);
    const settings = await kafka.settings('broker', brokers, ['broker.rack']);
    const rackOf = new Map(brokers.map((id) => [id, settings.get(String(id))?.['broker.rack'] ?? null]));
    const racks = new Set([...rackOf.values()].filter((rack) => rack !== null));
    const promised = settingsOf(component).racks ?? racks.size;
    const rackless = [...rackOf.values()].filter((rack) => rack === null).length;
    const spread = [...rackOf].map(([id, rack]) => `broker ${id}: ${rack ?? 'none'}`).join(', ');
    if (racks.size < promised || (racks.size > 0 && rackless > 0))
      fail({
        class: brokers.length < (component.target ?? 0) ? 'not-redundant' : 'misconfigured',
        cause: `the brokers are in ${racks.size} of ${promised} racks, ${rackless} of them in none`,
        remedy: 'set broker.rack of every broker; with Strimzi `spec.kafka.rack.topologyKey` of the Kafka resource',
        evidence: spread,
      });
    if (racks.size < 2) skip('racks of the brokers', [...racks]);
    // Scratch of ours may be placed as its check wants it.
    const replicated = partitions.filter(({ topic, replicas }) => replicas.length > 1 && scratchOwner(topic) === null);
    const together = replicated.filter(({ replicas }) => new Set(replicas.map((id) => rackOf.get(id))).size < 2);
    const [worst] = together;
    if (worst)
      fail({
        cause: `${together.length} of ${replicated.length} partitions have all their replicas in one rack`,
        evidence: `${worst.topic}-${worst.partition}: replicas ${worst.replicas}, rack ${rackOf.get(worst.replicas[0] ?? -1)}`,
      });
    return { racks: [...racks], brokers: spread, partitions: replicated.length };
  },
);

check(
  'kafka.partitions.under-replicated',
  {
    level: 'durability',
    claim: 'Every partition has a leader, no offline replica, and all its replicas in the ISR',
    otherwise: {
      class: 'not-redundant',
      remedy: 'look at the broker that left the ISR: its log, its disk, its network',
    },
  },
  async ({ kafka, signal, fail, skip }) => {
    const { brokers, partitions } = await metadata((request) => kafka.ask(request, signal), null);
    if (partitions.length === 0) skip('partitions', 0);
    const short = partitions.filter(
      ({ leader, replicas, isr }) =>
        leader < 0 || isr.length < replicas.length || replicas.some((id) => !brokers.includes(id)),
    );
    const [worst] = short;
    if (worst) {
      const out = new Set(short.flatMap(({ replicas, isr }) => replicas.filter((id) => !isr.includes(id))));
      const suspects = [...out].sort((a, b) => a - b);
      fail({
        class: short.some(({ leader }) => leader < 0) ? 'quorum-lost' : 'not-redundant',
        cause: `${short.length} of ${partitions.length} partitions are under-replicated; out of the ISR: broker ${suspects.join(', broker ')}`,
        evidence: `${worst.topic}-${worst.partition}: leader ${worst.leader}, replicas ${worst.replicas}, ISR ${worst.isr}`,
        ...(suspects.length === 1 ? { subject: `broker ${suspects[0]}` } : {}),
      });
    }
    return {
      topics: new Set(partitions.map(({ topic }) => topic)).size,
      partitions: partitions.length,
      underReplicated: 0,
    };
  },
);
