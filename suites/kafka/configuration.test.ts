import { suite } from '../../helpers/check/suite.ts';
import { metadata } from '../../helpers/connect/kafka/raw.ts';
import { type KafkaClient, service, settingsOf } from '../../helpers/connect/kafka.ts';
import { scratchOwner } from '../../helpers/scratch.ts';
import type { Component } from '../../reports/model.ts';

const check = suite(service);

/** Fewer brokers than these can't take the loss of one and go on writing. */
const REDUNDANT = 3;

const isRedundant = ({ target }: Component): boolean => (target ?? REDUNDANT) >= REDUNDANT;

check(
  'kafka.config.defaults',
  {
    level: 'durability',
    claim:
      'What every broker gives to a topic that asks for nothing: three replicas, two of them in sync, no unclean leader',
    otherwise: { class: 'misconfigured', remedy: 'set it in server.properties, with Strimzi in `spec.kafka.config`' },
  },
  async ({ kafka, component, signal, fail, skip }) => {
    if (!isRedundant(component)) skip('brokers promised', component.target);
    const wanted = {
      'default.replication.factor': (value: string) => Number(value) >= REDUNDANT,
      'min.insync.replicas': (value: string) => Number(value) >= 2 && Number(value) < REDUNDANT,
      'unclean.leader.election.enable': (value: string) => value === 'false',
      'auto.create.topics.enable': (value: string) => value === String(settingsOf(component).autoCreateTopics ?? false),
    };
    const { brokers } = await metadata((request) => kafka.ask(request, signal), []);
    const settings = await kafka.settings('broker', brokers, Object.keys(wanted));
    const wrong = brokers.flatMap((id) =>
      Object.entries(wanted)
        .filter(([key, holds]) => !holds(settings.get(String(id))?.[key] ?? ''))
        .map(([key]) => ({ id, setting: `${key}=${settings.get(String(id))?.[key] ?? 'not shown'}` })),
    );
    const [first] = wrong;
    if (first)
      fail({
        cause: `a topic that asks for nothing is not safe: ${[...new Set(wrong.map(({ setting }) => setting))].join(', ')}`,
        remedy:
          'set it in server.properties, with Strimzi in `spec.kafka.config`; where topics are meant to be created on first use, say `autoCreateTopics: true`',
        evidence: wrong.map(({ id, setting }) => `broker ${id}: ${setting}`).join('; '),
      });
    return { brokers, ...settings.get(String(brokers[0])) };
  },
);

check(
  'kafka.internal-topics.rf',
  {
    level: 'durability',
    claim: "Kafka's own topics, which hold the offsets of groups and the state of transactions, have three replicas",
    otherwise: {
      class: 'not-redundant',
      remedy: 'they were created while brokers were missing: reassign their partitions (kafka-reassign-partitions.sh)',
    },
  },
  async ({ kafka, component, fail, skip }) => {
    if (!isRedundant(component)) skip('brokers promised', component.target);
    const { topics } = await kafka.admin.fetchTopicMetadata();
    const own = topics.filter(({ name }) => INTERNAL.includes(name));
    if (own.length === 0) skip('internal topics created so far', 0);
    const partitions = own.flatMap(({ name, partitions }) => partitions.map((each) => ({ name, ...each })));
    const short = partitions.filter(({ replicas }) => replicas.length < REDUNDANT);
    const [worst] = short;
    if (worst)
      fail({
        cause: `${short.length} of ${partitions.length} partitions of ${[...new Set(short.map(({ name }) => name))].join(' and ')} have fewer than ${REDUNDANT} replicas`,
        evidence: `${worst.name}-${worst.partitionId}: replicas ${worst.replicas}`,
        subject: worst.name,
      });
    return Object.fromEntries(
      own.map(({ name, partitions: all }) => [name, `${all.length} partitions, ${REDUNDANT} replicas`]),
    );
  },
);

const INTERNAL = ['__consumer_offsets', '__transaction_state'];

check(
  'kafka.minisr.configured',
  {
    level: 'durability',
    claim: 'Every topic confirms a write by two replicas at least, and has one replica more than that',
    otherwise: {
      class: 'misconfigured',
      remedy: 'set min.insync.replicas=2 and three replicas, on the topic or as the default',
    },
  },
  async ({ kafka, component, fail, skip }) => {
    if (!isRedundant(component)) skip('brokers promised', component.target);
    const replicas = await replicasOfTopics(kafka);
    if (replicas.size === 0) skip('topics', 0);
    const settings = await kafka.settings('topic', [...replicas.keys()], ['min.insync.replicas']);
    const topics = [...replicas].map(([name, factor]) => ({
      name,
      factor,
      inSync: Number(settings.get(name)?.['min.insync.replicas'] ?? Number.NaN),
    }));
    const weak = topics.filter(({ factor, inSync }) => !(inSync >= 2 && factor > inSync));
    const shown = weak
      .slice(0, 5)
      .map(({ name, factor, inSync }) => `${name}: ${factor} replicas, min.insync.replicas=${inSync}`);
    if (weak.length > 0)
      fail({
        cause: `${weak.length} of ${topics.length} topics lose data or stop when one broker does: ${weak
          .slice(0, 5)
          .map(({ name }) => name)
          .join(', ')}${weak.length > 5 ? ' and others' : ''}`,
        evidence: shown.join('; '),
        ...(weak.length === 1 ? { subject: weak[0]?.name as string } : {}),
      });
    return { topics: topics.length, weak: 0 };
  },
);

/** The least number of replicas of a partition, by topic. Scratch of ours and of other runs is no one's data. */
async function replicasOfTopics({ admin }: KafkaClient): Promise<Map<string, number>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(
    topics
      .filter(({ name }) => scratchOwner(name) === null)
      .map(({ name, partitions }) => [name, Math.min(...partitions.map(({ replicas }) => replicas.length))]),
  );
}

check(
  'kafka.retention.policy',
  {
    level: 'hygiene',
    claim: 'Every topic that the phase declares exists, with the settings that it declares',
    otherwise: {
      class: 'misconfigured',
      remedy: 'mend the topic, with Strimzi its KafkaTopic, or `topics` in the phase file',
    },
  },
  async ({ kafka, component, fail, skip }) => {
    const declared = Object.entries(settingsOf(component).topics ?? {});
    if (declared.length === 0) skip('topics declared', 0);
    const there = new Set(await kafka.admin.listTopics());
    const present = declared.filter(([name]) => there.has(name));
    const keys = [...new Set(declared.flatMap(([, settings]) => Object.keys(settings)))];
    const settings = await kafka.settings(
      'topic',
      present.map(([name]) => name),
      keys,
    );
    const wrong = declared.flatMap(([name, wanted]) =>
      there.has(name)
        ? Object.entries(wanted)
            .filter(([key, value]) => settings.get(name)?.[key] !== String(value))
            .map(([key, value]) => ({
              name,
              what: `${name}: ${key} is ${settings.get(name)?.[key] ?? 'not set'}, declared ${value}`,
            }))
        : [{ name, what: `${name} does not exist` }],
    );
    const topics = new Set(wrong.map(({ name }) => name));
    if (wrong.length > 0)
      fail({
        cause: `${topics.size} of ${declared.length} declared topics are not as declared: ${[...topics].join(', ')}`,
        evidence: wrong.map(({ what }) => what).join('; '),
        ...(topics.size === 1 ? { subject: [...topics][0] as string } : {}),
      });
    return Object.fromEntries(present.map(([name, wanted]) => [name, Object.keys(wanted).join(', ')]));
  },
);
