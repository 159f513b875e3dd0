import { suite } from '../../helpers/check/suite.ts';
import { advertised, diagnoseGreeting, service } from '../../helpers/connect/kafka.ts';

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
  'kafka.cluster.brokers',
  {
    level: 'availability',
    claim: 'As many brokers are registered as were promised, with distinct ids, in one cluster',
    otherwise: { class: 'not-redundant', remedy: "look at the missing broker's pod, its log and its volume" },
  },
  async ({ kafka, component, door, expect, fail, observe }) => {
    const { brokers, clusterId } = await kafka.admin.describeCluster();
    const ids = brokers.map(({ nodeId }) => nodeId).sort((a, b) => a - b);
    observe({ clusterId, brokers: ids });
    expect(new Set(ids).size, 'brokers share an id').toBe(ids.length);
    expect(door.observed.clusterId ?? clusterId, 'the brokers disagree on the cluster id').toBe(clusterId);
    const promised = component.target;
    if (promised !== null && ids.length < promised) {
      const known = [...advertised(door.observed).map(({ id }) => id), ...(await replicaHolders(kafka.admin))];
      const absent = [...new Set(known)].filter((id) => !ids.includes(id));
      fail({
        class: 'not-redundant',
        cause: `${ids.length} of ${promised} brokers are registered${absent.length ? `; missing: broker ${absent.join(', broker ')}` : ''}`,
        remedy: "look at the missing broker's pod, its log and its volume",
        evidence: `Metadata names brokers ${ids.join(', ')}`,
        ...(absent.length === 1 ? { subject: `broker ${absent[0]}` } : {}),
      });
    }
    return { promised };
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
  async ({ kafka, fail, skip }) => {
    const { topics } = await kafka.admin.fetchTopicMetadata();
    const partitions = topics.flatMap(({ name, partitions }) =>
      partitions.map((partition) => ({ name, ...partition })),
    );
    if (partitions.length === 0) skip('partitions', 0);
    const short = partitions.filter(
      ({ leader, replicas, isr, offlineReplicas = [] }) =>
        leader < 0 || isr.length < replicas.length || offlineReplicas.length > 0,
    );
    const [worst] = short;
    if (worst) {
      const out = new Set(short.flatMap(({ replicas, isr }) => replicas.filter((id) => !isr.includes(id))));
      const suspects = [...out].sort((a, b) => a - b);
      fail({
        class: short.some(({ leader }) => leader < 0) ? 'quorum-lost' : 'not-redundant',
        cause: `${short.length} of ${partitions.length} partitions are under-replicated; out of the ISR: broker ${suspects.join(', broker ')}`,
        remedy: 'look at the broker that left the ISR: its log, its disk, its network',
        evidence: `${worst.name}-${worst.partitionId}: leader ${worst.leader}, replicas ${worst.replicas}, ISR ${worst.isr}`,
        ...(suspects.length === 1 ? { subject: `broker ${suspects[0]}` } : {}),
      });
    }
    return { topics: topics.length, partitions: partitions.length, underReplicated: 0 };
  },
);

/** Ids of all brokers that any partition has a replica on, registered or not. */
async function replicaHolders(admin: {
  fetchTopicMetadata(): Promise<{ topics: { partitions: { replicas: number[] }[] }[] }>;
}): Promise<number[]> {
  const { topics } = await admin.fetchTopicMetadata();
  return topics.flatMap(({ partitions }) => partitions.flatMap(({ replicas }) => replicas));
}
