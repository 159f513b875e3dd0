import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import type { Admin, ISocketFactory, Kafka, KafkaConfig, Producer, SASLOptions } from 'kafkajs';
import { z } from 'zod';
import type { Component, Diagnosis, Endpoint, Observation } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { DeadlineExceeded } from '../diagnose/finding.ts';
import { diagnoseKafka } from '../diagnose/kafka.ts';
import { diagnoseWire } from '../diagnose/wire.ts';
import { objective } from '../objective.ts';
import { until, within } from '../poll.ts';
import { removeUntilGone } from '../removal.ts';
import type { Route } from '../route.ts';
import type { Knock, Left, ScratchEntry, Service, Target } from '../service.ts';
import { quietWarnings } from '../warnings.ts';
import { apiVersions, exchange, type Sasl, WireError, type WireRequest } from '../wire/kafka.ts';
import { type Certificate, verifiedCertificate } from '../wire/tls.ts';
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

/** A listener of the brokers, by the endpoint that names it in the phase file. */
export type Listener = 'bootstrap' | 'tls';

export interface AskOptions {
  /** The broker to ask, by its advertised address; absent: all bootstrap servers, and the first that answers counts. */
  readonly at?: string;
  /** Who asks; null: nobody logs in. Absent: the declared user. */
  readonly as?: Sasl | null;
  readonly listener?: Listener;
}

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

export interface Greeting {
  readonly apis: readonly { readonly key: number; readonly min: number; readonly max: number }[];
  /** Milliseconds, rounded. */
  readonly tookMs: number;
}

const RETRY = { retries: 10, initialRetryTime: 100, maxRetryTime: 1_000 } as const;

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

const bootstrap = ({ component }: Target): readonly string[] => component.endpoints.bootstrap ?? [];

/** Where a component has a listener for TLS alone, `tls` is said of that one, and `bootstrap` is plain. */
const speaksTls = ({ component }: Target, listener: Listener): boolean =>
  component.tls !== null && (listener === 'tls' || component.endpoints.tls === undefined);

async function tlsOptions(target: Target, listener: Listener = 'bootstrap'): Promise<tls.ConnectionOptions | null> {
  const { component } = target;
  if (!component.tls || !speaksTls(target, listener)) return null;
  const ca = component.tls.ca === undefined ? {} : { ca: await readFile(component.tls.ca, 'utf8') };
  return { ...ca, ...(component.tls.servername === undefined ? {} : { servername: component.tls.servername }) };
}

function split(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

interface Dialling {
  /** Addresses not to dial: known to hang, and kafkajs stays with a connection that hangs. */
  readonly avoid?: ReadonlySet<string>;
  /** A connection that leaves a request unanswered for as long is closed, so that kafkajs asks another broker. */
  readonly silentMs: number;
  /** Absent: the target's. */
  readonly route?: Route;
  /** Called when a broker, or what is between, ends a connection. */
  readonly onHangUp?: (logical: string) => void;
  /** How kafkajs logs; absent: not at all. */
  readonly log?: Pick<KafkaConfig, 'logLevel' | 'logCreator'>;
}

/** Every connection of kafkajs, to whatever address a broker advertises, goes through here and so by the target's route. */
function socketFactory(target: Target, { avoid, silentMs, route = target.route, onHangUp }: Dialling): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const logical = `${host}:${port}`;
    if (avoid?.has(logical)) return refusedSocket(logical);
    const to = split(route.dial(logical));
    const name = target.component.tls?.servername ?? (net.isIP(host) ? undefined : host);
    const socket = ssl
      ? tls.connect(
          { ...(ssl as tls.ConnectionOptions), ...to, ...(name === undefined ? {} : { servername: name }) },
          onConnect,
        )
      : net.connect(to, onConnect);
    if (onHangUp) socket.once('end', () => onHangUp(logical));
    return closeWhenSilent(socket.setKeepAlive(true, 60_000).setNoDelay(true), logical, silentMs);
  };
}

function refusedSocket(logical: string): net.Socket {
  const socket = new net.Socket();
  process.nextTick(() =>
    socket.destroy(Object.assign(new Error(`${logical} gave no answer before`), { code: 'ECONNREFUSED' })),
  );
  return socket;
}

function closeWhenSilent(socket: net.Socket, logical: string, silentMs: number): net.Socket {
  let answered = 0;
  const noAnswer = (): Error =>
    Object.assign(new Error(`${logical}: no answer within ${silentMs} ms`), { code: 'ETIMEDOUT' });
  return socket
    .on('data', () => {
      answered = socket.bytesWritten;
    })
    .setTimeout(silentMs, () => {
      if (socket.bytesWritten > answered) socket.destroy(noAnswer());
    });
}

async function connectClient(
  target: Target,
  brokers: readonly string[],
  retries: number,
  dialling: Dialling = { silentMs: BUDGETS.connect },
): Promise<Kafka> {
  quietWarnings();
  const { default: kafkajs } = await import('kafkajs');
  const ssl = await tlsOptions(target);
  const login = loginOf(target);
  const config: KafkaConfig = {
    clientId: 'assay',
    brokers: [...brokers],
    connectionTimeout: BUDGETS.connect,
    authenticationTimeout: BUDGETS.connect,
    requestTimeout: BUDGETS.connect,
    retry: { ...RETRY, retries },
    logLevel: kafkajs.logLevel.NOTHING,
    ...dialling.log,
    socketFactory: socketFactory(target, dialling),
    ...(ssl ? { ssl } : {}),
    ...(login ? { sasl: saslOptions(login) } : {}),
  };
  return new kafkajs.Kafka(config);
}

const MECHANISMS = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram-sha-256', 'SCRAM-SHA-512': 'scram-sha-512' } as const;

function loginOf({ component: { credentials }, secrets }: Target): Sasl | null {
  if (!credentials) return null;
  const mechanism = (credentials.mechanism ?? 'SCRAM-SHA-512').toUpperCase() as Sasl['mechanism'];
  return { mechanism, user: credentials.user, password: secrets.password ?? '' };
}

/** An object of its own each time: kafkajs writes into the one that it is given. */
const saslOptions = ({ mechanism, user, password }: Sasl): SASLOptions => ({
  mechanism: MECHANISMS[mechanism],
  username: user,
  password,
});

async function greet(target: Target, address: string, signal: AbortSignal): Promise<Greeting> {
  const { apis, tookMs } = await apiVersions(
    { ...split(target.route.dial(address)), tls: await tlsOptions(target) },
    signal,
  );
  return { apis, tookMs: Math.round(tookMs) };
}

async function ask(target: Target, request: WireRequest, signal: AbortSignal, options: AskOptions): Promise<Buffer> {
  const { at, as = loginOf(target), listener = 'bootstrap' } = options;
  const tls = await tlsOptions(target, listener);
  const addresses = at === undefined ? (target.component.endpoints[listener] ?? []) : [at];
  const answers = addresses.map((address) =>
    exchange({ ...split(target.route.dial(address)), tls, sasl: as }, request, signal),
  );
  return Promise.any(answers).catch((error: AggregateError) => {
    throw error.errors[0];
  });
}

/**
 * What a raw exchange that failed says of the broker behind the address. The diagnosis names a subject only where it is a broker by its id:
 * an address or a title would be one more name for what another check may already blame.
 */
export function diagnoseGreeting(error: unknown, address: string, speaker?: string): Diagnosis {
  const { subject, ...rest } = greetingOf(error, address, speaker);
  return subject !== undefined && /^broker \d+$/.test(subject) ? { ...rest, subject } : rest;
}

function greetingOf(error: unknown, address: string, subject = `broker at ${address}`): Diagnosis {
  const rest = { subject, evidence: error instanceof Error ? error.message : String(error) };
  if (error instanceof WireError) {
    switch (error.kind) {
      case 'timeout-answer':
        return {
          class: 'slow',
          cause: `${subject} accepts connections and answers nothing`,
          remedy: 'look whether the process is paused, swapping or waiting for its disk; restart the pod if it is',
          ...rest,
        };
      case 'tls-expected':
        return {
          class: 'tls',
          cause: `${subject} answers a plaintext request with a TLS alert`,
          remedy: 'give `tls: {}` (with its `ca`) in the phase file, or name the plaintext port',
          ...rest,
        };
      case 'closed':
        return {
          class: 'unreachable',
          cause: `${subject} closes the connection without an answer`,
          remedy: 'check whether one side speaks TLS and the other does not, then the log of the broker',
          ...rest,
        };
      case 'truncated':
        return {
          class: 'data-wrong',
          cause: `${subject} breaks off in the middle of an answer`,
          remedy: 'look for a proxy or load balancer that cuts connections, then for a broker that crashes',
          ...rest,
        };
      case 'not-tls':
        return {
          class: 'tls',
          cause: `${subject} does not speak TLS on this port`,
          remedy: 'leave `tls` out of the phase file, or name the TLS port',
          ...rest,
        };
      case 'login-refused':
        return {
          class: 'authentication',
          cause: `${subject} does not let our user in`,
          remedy: 'check `credentials` of the phase file against the KafkaUser or its Secret, and its `mechanism`',
          ...rest,
        };
      case 'not-kafka':
        return {
          class: 'wrong-product',
          cause: `what answers as ${subject} is not Kafka`,
          remedy: 'check the port of the endpoint',
          ...rest,
        };
    }
  }
  const wire = diagnoseWire(error, subject);
  if (wire) return { ...wire, subject };
  if (error instanceof WireError && error.kind === 'local')
    return {
      class: 'our-side',
      cause: `we could not ask ${subject}`,
      remedy: 'read the evidence; look at the machine that runs the suite',
      ...rest,
    };
  return {
    class: 'unexplained',
    cause: `${subject} can not be greeted`,
    remedy: 'read the evidence and the log of the broker',
    ...rest,
  };
}

async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const addresses = bootstrap(target);
  const endpoints: Endpoint[] = addresses.map((logical) => {
    const dialled = target.route.dial(logical);
    return { logical, dialled, path: target.route.path };
  });
  const giveUp = new AbortController();
  const looking = look(target, addresses, new Set(), AbortSignal.any([signal, giveUp.signal]));
  const greetings = await Promise.all(
    addresses.map((address) =>
      greet(target, address, signal).then(
        () => ({ address, diagnosis: null }),
        (error: unknown) => ({ address, diagnosis: greetingOf(error, address) }),
      ),
    ),
  );
  const mute = greetings.filter((each) => each.diagnosis !== null);
  const answering = greetings.filter((each) => each.diagnosis === null).map(({ address }) => address);
  // Where nobody answers there is nothing to look at, and kafkajs would go on trying.
  if (answering.length === 0) giveUp.abort();
  const first = await looking;
  // The first look may have met a broker that takes it down with it; those that answer can still tell of the cluster.
  const again = 'error' in first && mute.length > 0 && answering.length > 0;
  const cluster = again ? await look(target, answering, new Set(mute.map(({ address }) => address)), signal) : first;
  const answers = Object.fromEntries(
    greetings.map(({ address, diagnosis }) => [address, diagnosis?.evidence ?? 'ApiVersions answered']),
  );
  const base = { endpoints, version: null };
  if (mute.length === addresses.length) {
    const diagnosis = worst(
      mute.map(({ diagnosis }) => diagnosis as Diagnosis),
      target,
    );
    const ours = mute.every((each) => each.diagnosis?.class === 'our-side');
    return {
      ...base,
      state: ours ? 'unobserved' : 'closed',
      diagnosis,
      achieved: ours ? null : 0,
      observed: { answers },
    };
  }
  if ('error' in cluster) {
    const diagnosis = diagnoseKafka(cluster.error, target.component.title) ??
      diagnoseWire(cluster.error, target.component.title) ?? {
        class: 'unexplained' as const,
        cause: `${target.component.title} answers ApiVersions but not Metadata`,
        remedy: 'read the evidence and the log of the brokers',
        evidence: String(cluster.error),
      };
    const state = diagnosis.class === 'authorization' || diagnosis.class === 'our-side' ? 'unobserved' : 'closed';
    return { ...base, state, diagnosis, achieved: null, observed: { answers } };
  }
  const missing = missingBrokers(
    cluster,
    mute.map(({ address }) => address),
  );
  const [sick] = mute;
  const subject = sick && missing.get(sick.address);
  return {
    ...base,
    state: 'open',
    diagnosis: sick?.diagnosis
      ? {
          class: sick.diagnosis.class,
          cause: subject
            ? sick.diagnosis.cause.replace(sick.diagnosis.subject ?? '', `${subject} (${sick.address})`)
            : sick.diagnosis.cause,
          remedy: sick.diagnosis.remedy,
          evidence: mute.map(({ diagnosis }) => diagnosis?.evidence).join('; '),
          ...(subject === undefined ? {} : { subject }),
        }
      : null,
    achieved:
      cluster.brokers.length - mute.filter(({ address }) => cluster.brokers.some((b) => b.address === address)).length,
    observed: {
      answers,
      clusterId: cluster.clusterId,
      brokers: cluster.brokers.map(({ id, address }) => ({ id, address })),
      missing: Object.fromEntries(missing),
    },
  };
}

/**
 * The brokers with the addresses that they advertise, as Metadata gave them at the door: a check that asks for them again may ask the very
 * broker that hangs.
 */
export function advertised({ brokers }: Observation): readonly { readonly id: number; readonly address: string }[] {
  return z.array(z.object({ id: z.number(), address: z.string() })).parse(brokers);
}

/** Many doors shut for one reason are one cause; the first stands for all, without a subject narrower than the component. */
function worst(diagnoses: readonly Diagnosis[], { component }: Target): Diagnosis {
  const [first] = diagnoses as [Diagnosis];
  const { subject, ...rest } = first;
  const all = diagnoses.length > 1 ? `all ${diagnoses.length} bootstrap servers: ` : '';
  return {
    ...rest,
    cause: `${component.title}, ${all}${first.cause.replace(`${subject} `, '').replace(`${subject}: `, '')}`,
    evidence: diagnoses.map(({ evidence }) => evidence).join('; '),
  };
}

interface Cluster {
  readonly clusterId: string;
  readonly brokers: readonly { readonly id: number; readonly address: string }[];
  /** Ids that hold replicas and are not registered. */
  readonly absent: readonly number[];
}

async function look(
  target: Target,
  addresses: readonly string[],
  avoid: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Cluster | { error: unknown }> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  let admin: Admin | null = null;
  try {
    admin = (await connectClient(target, addresses, 3, { avoid, silentMs: BUDGETS.connect })).admin();
    const connected = admin;
    const seen = (async (): Promise<Cluster> => {
      await connected.connect();
      const [{ clusterId, brokers }, { topics }] = await Promise.all([
        connected.describeCluster(),
        connected.fetchTopicMetadata(),
      ]);
      const registered = new Set(brokers.map(({ nodeId }) => nodeId));
      const replicas = new Set(topics.flatMap((topic) => topic.partitions.flatMap((partition) => partition.replicas)));
      return {
        clusterId,
        brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, address: `${host}:${port}` })),
        absent: [...replicas].filter((id) => !registered.has(id)),
      };
    })();
    return await Promise.race([seen, late]);
  } catch (error) {
    return { error };
  } finally {
    signal.removeEventListener('abort', stop);
    admin?.disconnect().catch(() => undefined);
  }
}

/**
 * Bootstrap addresses that do not answer, each with the broker behind it: by the metadata while the broker is still registered;
 * afterwards, where one address is mute and one broker that holds replicas is gone, they are the same.
 */
function missingBrokers(cluster: Cluster, mute: readonly string[]): Map<string, string> {
  const named = new Map<string, string>();
  for (const address of mute) {
    const broker = cluster.brokers.find((each) => each.address === address);
    if (broker) named.set(address, `broker ${broker.id}`);
  }
  const nameless = mute.filter((address) => !named.has(address));
  const [address] = nameless;
  const [id] = cluster.absent;
  if (address !== undefined && nameless.length === 1 && id !== undefined && cluster.absent.length === 1)
    named.set(address, `broker ${id}`);
  return named;
}

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
