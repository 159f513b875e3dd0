import type { Admin, Kafka, Producer } from 'kafkajs';
import { z } from 'zod';
import type { Component } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { DeadlineExceeded } from '../diagnose/finding.ts';
import { diagnoseKafka } from '../diagnose/kafka.ts';
import { objective } from '../objective.ts';
import { until, within } from '../poll.ts';
import { removeUntilGone } from '../removal.ts';
import type { Route } from '../route.ts';
import type { Left, ScratchEntry, Service, Target } from '../service.ts';
import { type Sasl, WireError, type WireRequest } from '../wire/kafka.ts';
import { type Certificate, verifiedCertificate } from '../wire/tls.ts';
import {
  type AskOptions,
  ask,
  bootstrap,
  connectClient,
  type Greeting,
  greet,
  type Listener,
  loginOf,
  RETRY,
  split,
  tlsOptions,
} from './kafka/dial.ts';
import { diagnoseGreeting, knock } from './kafka/door.ts';
import {
  type Follower,
  follow,
  offsetsOf,
  type ReaderClient,
  type ReadMessage,
  readAll,
  SESSION_MS,
} from './kafka/follow.ts';
import { type LossyRoute, openLossyRoute } from './kafka/lossy-route.ts';
import { metadata } from './kafka/raw.ts';

/** kafkajs as the checks use it: bounded retries, everything closed by whoever opened it. What it has no words for is asked by hand. */
export interface KafkaClient extends AsyncDisposable {
  readonly admin: Admin;
  /** How the declared user logs in; null: the phase declares none. */
  readonly login: Sasl | null;
  /**
   * A connected producer. Idempotence and transactions as kafkajs has them.
   * @param route where it dials, in place of the target's own route
   */
  producer(config?: Parameters<Kafka['producer']>[0], route?: Route): Promise<Producer & AsyncDisposable>;
  /** Creates a topic and waits until every broker knows it with a leader for every partition. */
  createTopic(topic: string, layout: Layout): Promise<void>;
  /** Joins the group and reads the topic from its beginning, or from where the group left off, until it is disposed of. */
  follow(topic: string, groupId: string): Promise<Follower>;
  /**
   * Joins the group, reads the topic from its beginning to the high watermarks that it had when called, commits and leaves.
   * More than was produced comes back too: a duplicate is seen, not cut off.
   */
  readAll(
    topic: string,
    groupId: string,
    signal: AbortSignal,
    options?: { readonly readUncommitted?: true },
  ): Promise<ReadMessage[]>;
  /** Values of settings by the topic's name or the broker's id; null: not set, or not shown to us. */
  settings(
    of: 'topic' | 'broker',
    names: readonly (string | number)[],
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, Readonly<Record<string, string | null>>>>;
  /** One ApiVersions exchange with an advertised address, by the same way that the clients take. */
  greet(address: string, signal: AbortSignal): Promise<Greeting>;
  /** One request by hand. Throws WireError, of several bootstrap servers that of the first. */
  ask(request: WireRequest, signal: AbortSignal, options?: AskOptions): Promise<Buffer>;
  /** A way for a producer on which acknowledgements can be lost. @param addresses as the brokers advertise them */
  lossyRoute(addresses: readonly string[]): Promise<LossyRoute>;
  /** The certificate that a TLS listener shows at this address, verified. Throws as verifiedCertificate does. */
  certificate(address: string, listener: Listener, signal: AbortSignal): Promise<Certificate>;
}

export interface Layout {
  readonly config?: Readonly<Record<string, string>>;
  /** How many partitions, placed by the brokers with as many replicas as the phase promises brokers, at most three. */
  readonly partitions?: number;
  /** In place of `partitions`: for each partition the ids of the brokers that hold it, the preferred leader first. */
  readonly assignment?: readonly (readonly number[])[];
}

const SETTINGS = z.object({
  topics: z
    .record(z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
    .exactOptional()
    .describe(
      'the topics that must exist, each with the settings that it must have, such as { orders: { cleanup.policy: delete } }',
    ),
  racks: z.int().min(2).exactOptional().describe('how many racks or zones the brokers are promised to be spread over'),
  autoCreateTopics: z
    .boolean()
    .exactOptional()
    .describe('true: topics are meant to come into being on first use (auto.create.topics.enable); default false'),
  objectives: z
    .strictObject({
      produceP99: objective(
        'milliseconds in which 99 of 100 records of 1 KiB are acknowledged by all replicas',
      ).exactOptional(),
    })
    .exactOptional()
    .describe('what the performance checks are measured against'),
});

/** What the phase file says of a Kafka beyond what every component has. */
export const settingsOf = ({ settings }: Component): z.output<typeof SETTINGS> => SETTINGS.parse(settings);

export const service: Service<'kafka', KafkaClient> = {
  type: 'kafka',
  title: 'Apache Kafka',
  unit: 'brokers',
  weight: 14,
  endpoints: {
    bootstrap: { port: 9092, about: 'bootstrap servers, as clients have them in bootstrap.servers' },
    tls: {
      port: 9093,
      about: 'bootstrap servers of a TLS listener beside that of `bootstrap`; `tls` is then said of these alone',
      optional: true,
    },
  },
  needs: [],
  door: 'kafka.reach.bootstrap',
  settings: SETTINGS,
  knock,
  open,
  diagnose(error, { component: { title } }) {
    if (!(error instanceof WireError)) return diagnoseKafka(error, title);
    // The evidence names the address. Who is behind it the door may know better than the check that asked.
    const { subject, ...rest } = diagnoseGreeting(error, title, title);
    return rest;
  },
  sweep,
  present,
};

async function open(target: Target): Promise<KafkaClient> {
  const kafka = await connectClient(target, bootstrap(target), RETRY.retries);
  // Joining a group may take a whole session time-out before it is answered.
  const reader: ReaderClient = (hooks) =>
    connectClient(target, bootstrap(target), RETRY.retries, { silentMs: SESSION_MS + BUDGETS.connect, ...hooks });
  const admin = kafka.admin();
  await admin.connect();
  const replicationFactor = Math.min(3, target.component.target ?? 1);
  return {
    admin,
    login: loginOf(target),
    async producer(config, route) {
      const own =
        route && (await connectClient(target, bootstrap(target), RETRY.retries, { silentMs: BUDGETS.connect, route }));
      const producer = (own ?? kafka).producer({ allowAutoTopicCreation: false, ...config });
      await producer.connect();
      return Object.assign(producer, { [Symbol.asyncDispose]: () => producer.disconnect() });
    },
    async createTopic(topic, { config = {}, partitions = 1, assignment }) {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      const layout = assignment
        ? { replicaAssignment: assignment.map((replicas, partition) => ({ partition, replicas: [...replicas] })) }
        : { numPartitions: partitions, replicationFactor };
      const created = await admin.createTopics({
        waitForLeaders: false,
        timeout: BUDGETS.connect,
        topics: [{ topic, configEntries, ...layout }],
      });
      if (!created) throw new TypeError(`the topic ${topic} is there already: its name is not ours alone`);
      const { brokers } = await admin.describeCluster();
      await Promise.all(brokers.map(({ host, port }) => learns(target, `${host}:${port}`, topic)));
      await led(admin, topic);
    },
    follow: (topic, groupId) => follow(reader, topic, groupId),
    readAll: (topic, groupId, signal, options) => readAll(reader, admin, topic, groupId, signal, options),
    settings: (of, names, keys) => readSettings(admin, of, names.map(String), keys),
    greet: (address, signal) => greet(target, address, signal),
    ask: (request, signal, options = {}) => ask(target, request, signal, options),
    lossyRoute: (addresses) => openLossyRoute(target.route, addresses),
    certificate: async (address, listener, signal) =>
      verifiedCertificate(split(target.route.dial(address)), (await tlsOptions(target, listener)) ?? {}, signal),
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

/**
 * Waits until this broker knows the topic with a leader for each partition. kafkajs asks one broker or another, and takes one that has not heard
 * of the topic yet for the whole cluster. A broker that does not answer holds nobody up: telling of it is for other checks.
 */
async function learns(target: Target, at: string, topic: string): Promise<void> {
  const signal = AbortSignal.timeout(BUDGETS.attempt);
  await until(async () => {
    const { partitions } = await metadata((request) => ask(target, request, signal, { at }), [topic]);
    return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0) ? true : undefined;
  }, signal).catch((error: unknown) => {
    if (signal.aborted) throw new DeadlineExceeded(`broker at ${at} hears of topic ${topic}`, BUDGETS.attempt, 0);
    if (!(error instanceof WireError)) throw error;
  });
}

/**
 * Waits until every leader answers for its partitions. A broker's metadata name it leader a moment before it is one, and kafkajs then
 * produces again what another leader of the same batch has taken. Where a leader stays silent, what is produced next tells so.
 */
async function led(admin: Admin, topic: string): Promise<void> {
  const signal = AbortSignal.timeout(BUDGETS.connect);
  await within(
    until(() => offsetsOf(admin, topic), signal),
    signal,
  ).catch(() => undefined);
}

/** ConfigResourceTypes of kafkajs. Source: Apache Kafka protocol guide, "DescribeConfigs"; ConfigResource.Type. */
const RESOURCE = { topic: 2, broker: 4 } as const;

async function readSettings(
  admin: Admin,
  of: keyof typeof RESOURCE,
  names: readonly string[],
  keys: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, string | null>>>> {
  if (names.length === 0) return new Map();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: RESOURCE[of], name, configNames: [...keys] })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
}

const UNKNOWN = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'GROUP_ID_NOT_FOUND']);

/** What is gone already was removed. */
const unlessUnknown = (error: unknown): void => {
  if (!(error instanceof Error && 'type' in error && UNKNOWN.has(String(error.type)))) throw error;
};

/**
 * A topic is gone when no broker's metadata names it; deletion is asynchronous (KIP-4). A group whose member was killed is not empty until
 * the member's session is over, so this may take as long.
 */
async function sweep({ admin }: KafkaClient, entries: readonly ScratchEntry[], signal: AbortSignal): Promise<Left[]> {
  const named = (kind: string): ScratchEntry[] => entries.filter((entry) => entry.kind === kind);
  const removeTopics = (topics: string[]): Promise<void> =>
    admin.deleteTopics({ topics, timeout: BUDGETS.connect }).catch(unlessUnknown);
  const left = await Promise.all([
    removeUntilGone(
      named('group'),
      () => groupIds(admin),
      (ids) => admin.deleteGroups(ids),
      signal,
    ),
    removeUntilGone(named('topic'), () => admin.listTopics(), removeTopics, signal),
  ]);
  return left.flat();
}

const groupIds = async (admin: Admin): Promise<string[]> =>
  (await admin.listGroups()).groups.map(({ groupId }) => groupId);

async function present({ admin }: KafkaClient): Promise<{ kind: string; name: string }[]> {
  const [topics, groups] = await Promise.all([admin.listTopics(), groupIds(admin)]);
  return [...topics.map((name) => ({ kind: 'topic', name })), ...groups.map((name) => ({ kind: 'group', name }))];
}
