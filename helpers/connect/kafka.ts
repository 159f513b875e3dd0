import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import type { Admin, Consumer, ISocketFactory, Kafka, KafkaConfig, KafkaMessage, Producer, SASLOptions } from 'kafkajs';
import { z } from 'zod';
import type { Diagnosis, Endpoint, Observation } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseKafka } from '../diagnose/kafka.ts';
import { diagnoseWire } from '../diagnose/wire.ts';
import { until } from '../poll.ts';
import { scratchOwner } from '../scratch.ts';
import type { Knock, ScratchEntry, Service, Target } from '../service.ts';
import { quietWarnings } from '../warnings.ts';
import { apiVersions, WireError } from '../wire/kafka.ts';

export interface ReadMessage {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** kafkajs as the checks use it: bounded retries, everything closed by whoever opened it. */
export interface KafkaClient extends AsyncDisposable {
  readonly admin: Admin;
  /** A connected producer. Idempotence and transactions as kafkajs has them. */
  producer(config?: Parameters<Kafka['producer']>[0]): Promise<Producer & AsyncDisposable>;
  /** Creates a topic and waits until every partition has a leader. */
  createTopic(topic: string, partitions: number, config?: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Joins the group, reads the topic from its beginning to the high watermarks that it had when called, commits and leaves.
   * More than was produced comes back too: a duplicate is seen, not cut off.
   */
  readAll(topic: string, groupId: string, signal: AbortSignal): Promise<ReadMessage[]>;
  /** One ApiVersions exchange with an advertised address, by the same way that the clients take. */
  greet(address: string, signal: AbortSignal): Promise<{ apis: number; tookMs: number }>;
}

/** Groups forget a member that was killed after this time; the least that brokers allow by default (group.min.session.timeout.ms). */
const SESSION_MS = 6_000;

const RETRY = { retries: 10, initialRetryTime: 100, maxRetryTime: 1_000 } as const;

export const service: Service<'kafka', KafkaClient> = {
  type: 'kafka',
  title: 'Apache Kafka',
  unit: 'brokers',
  weight: 14,
  endpoints: { bootstrap: { port: 9092, about: 'bootstrap servers, as clients have them in bootstrap.servers' } },
  needs: [],
  door: 'kafka.reach.bootstrap',
  settings: z.object({}),
  knock,
  open,
  diagnose: (error, { component }) => diagnoseKafka(error, component.title),
  sweep,
  strays,
};

const bootstrap = ({ component }: Target): readonly string[] => component.endpoints.bootstrap ?? [];

async function tlsOptions({ component }: Target): Promise<tls.ConnectionOptions | null> {
  if (!component.tls) return null;
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
}

/** Every connection of kafkajs, to whatever address a broker advertises, goes through here and so by the target's route. */
function socketFactory(target: Target, { avoid, silentMs }: Dialling): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const logical = `${host}:${port}`;
    if (avoid?.has(logical)) return refusedSocket(logical);
    const to = split(target.route.dial(logical));
    const name = target.component.tls?.servername ?? (net.isIP(host) ? undefined : host);
    const socket = ssl
      ? tls.connect(
          { ...(ssl as tls.ConnectionOptions), ...to, ...(name === undefined ? {} : { servername: name }) },
          onConnect,
        )
      : net.connect(to, onConnect);
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
  const { credentials } = target.component;
  const config: KafkaConfig = {
    clientId: 'assay',
    brokers: [...brokers],
    connectionTimeout: BUDGETS.connect,
    authenticationTimeout: BUDGETS.connect,
    requestTimeout: BUDGETS.connect,
    retry: { ...RETRY, retries },
    logLevel: kafkajs.logLevel.NOTHING,
    socketFactory: socketFactory(target, dialling),
    ...(ssl ? { ssl } : {}),
    ...(credentials ? { sasl: saslOptions(target) } : {}),
  };
  return new kafkajs.Kafka(config);
}

function saslOptions({ component, secrets }: Target): SASLOptions {
  const mechanism = (component.credentials?.mechanism ?? 'SCRAM-SHA-512').toLowerCase() as
    | 'plain'
    | 'scram-sha-256'
    | 'scram-sha-512';
  return { mechanism, username: component.credentials?.user ?? '', password: secrets.password ?? '' };
}

async function greet(target: Target, address: string, signal: AbortSignal): Promise<{ apis: number; tookMs: number }> {
  const { apis, tookMs } = await apiVersions(
    { ...split(target.route.dial(address)), tls: await tlsOptions(target) },
    signal,
  );
  return { apis: apis.length, tookMs: Math.round(tookMs) };
}

/** What a raw exchange that failed says of the broker behind the address. */
export function diagnoseGreeting(error: unknown, address: string, subject = `broker at ${address}`): Diagnosis {
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
        (error: unknown) => ({ address, diagnosis: diagnoseGreeting(error, address) }),
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
  const subject = sick ? (missing.get(sick.address) ?? sick.diagnosis?.subject) : undefined;
  return {
    ...base,
    state: 'open',
    diagnosis: sick?.diagnosis
      ? {
          ...sick.diagnosis,
          ...(subject === undefined ? {} : { subject }),
          cause: sick.diagnosis.cause.replace(sick.diagnosis.subject ?? '', `${subject} (${sick.address})`),
          evidence: mute.map(({ diagnosis }) => diagnosis?.evidence).join('; '),
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
  const patient = await connectClient(target, bootstrap(target), RETRY.retries, {
    silentMs: SESSION_MS + BUDGETS.connect,
  });
  const admin = kafka.admin();
  await admin.connect();
  const createTopic: KafkaClient['createTopic'] = async (topic, partitions, config = {}) => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      waitForLeaders: true,
      timeout: BUDGETS.connect,
      topics: [{ topic, numPartitions: partitions, replicationFactor: target.component.target ?? 1, configEntries }],
    });
  };
  return {
    admin,
    createTopic,
    async producer(config) {
      const producer = kafka.producer({ allowAutoTopicCreation: false, ...config });
      await producer.connect();
      return Object.assign(producer, { [Symbol.asyncDispose]: () => producer.disconnect() });
    },
    readAll: (topic, groupId, signal) => readAll(patient, admin, topic, groupId, signal),
    greet: (address, signal) => greet(target, address, signal),
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

async function readAll(
  kafka: Kafka,
  admin: Admin,
  topic: string,
  groupId: string,
  signal: AbortSignal,
): Promise<ReadMessage[]> {
  const wanted = new Map(
    (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => [partition, { low, high }]),
  );
  const unread = new Set([...wanted].filter(([, { low, high }]) => high !== low).map(([partition]) => partition));
  const read: ReadMessage[] = [];
  const consumer: Consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    sessionTimeout: SESSION_MS,
    rebalanceTimeout: SESSION_MS,
    heartbeatInterval: 1_000,
    allowAutoTopicCreation: false,
    retry: RETRY,
  });
  let crash: Error | null = null;
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (!restart || !passesByItself(error)) crash = error;
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary }) => {
        for (const message of batch.messages) read.push({ partition: batch.partition, message });
        resolveOffset(batch.lastOffset());
        await commitOffsetsIfNecessary();
        await heartbeat();
        if (BigInt(batch.lastOffset()) + 1n >= BigInt(wanted.get(batch.partition)?.high ?? '0'))
          unread.delete(batch.partition);
      },
    });
    await until(
      () => {
        if (crash) throw crash;
        return unread.size === 0 ? true : undefined;
      },
      signal,
      10,
    );
    return read;
  } finally {
    await consumer.disconnect();
  }
}

/** Answers by which a broker asks for patience: every client tries again, and kafkajs restarts its consumer. */
const passesByItself = (error: Error): boolean => 'retriable' in error && error.retriable === true && 'type' in error;

const UNKNOWN = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'GROUP_ID_NOT_FOUND']);

async function sweep(
  client: KafkaClient,
  entries: readonly ScratchEntry[],
  signal: AbortSignal,
): Promise<{ entry: ScratchEntry; why: string }[]> {
  const named = (kind: string): ScratchEntry[] => entries.filter((entry) => entry.kind === kind);
  const results = await Promise.all([
    sweepGroups(client, named('group'), signal),
    sweepTopics(client, named('topic'), signal),
  ]);
  return results.flat();
}

/** A topic is gone when no broker's metadata names it; deletion is asynchronous (KIP-4). */
async function sweepTopics(
  { admin }: KafkaClient,
  entries: readonly ScratchEntry[],
  signal: AbortSignal,
): Promise<{ entry: ScratchEntry; why: string }[]> {
  if (entries.length === 0) return [];
  const present = async (): Promise<ScratchEntry[]> => {
    const topics = new Set(await admin.listTopics());
    return entries.filter(({ name }) => topics.has(name));
  };
  let why = 'still in the metadata after deletion';
  const remove = (topics: string[]): Promise<void> =>
    admin.deleteTopics({ topics, timeout: BUDGETS.connect }).catch((error: unknown) => {
      if (!(error instanceof Error && 'type' in error && UNKNOWN.has(String(error.type)))) why = String(error);
    });
  try {
    const found = await present();
    if (found.length > 0) await remove(found.map(({ name }) => name));
    await until(async () => ((await present()).length === 0 ? true : undefined), signal);
    return [];
  } catch (error) {
    if (!signal.aborted) why = String(error);
    return (await present().catch(() => [...entries])).map((entry) => ({ entry, why }));
  }
}

/** A group whose member was killed is not empty until the member's session is over, so this may take as long. */
async function sweepGroups(
  { admin }: KafkaClient,
  entries: readonly ScratchEntry[],
  signal: AbortSignal,
): Promise<{ entry: ScratchEntry; why: string }[]> {
  if (entries.length === 0) return [];
  let left = [...entries];
  let why = 'the group still has members';
  try {
    await until(async () => {
      const groups = new Set((await admin.listGroups()).groups.map(({ groupId }) => groupId));
      left = left.filter(({ name }) => groups.has(name));
      if (left.length > 0)
        await admin.deleteGroups(left.map(({ name }) => name)).catch((error: unknown) => {
          why = String(error);
        });
      return left.length === 0 ? true : undefined;
    }, signal);
    return [];
  } catch {
    return left.map((entry) => ({ entry, why }));
  }
}

async function strays({ admin }: KafkaClient): Promise<{ kind: string; name: string }[]> {
  const [topics, { groups }] = await Promise.all([admin.listTopics(), admin.listGroups()]);
  return [
    ...topics.map((name) => ({ kind: 'topic', name })),
    ...groups.map(({ groupId }) => ({ kind: 'group', name: groupId })),
  ].filter(({ name }) => scratchOwner(name) !== null);
}
