import type { Admin, Kafka, KafkaConfig, KafkaMessage } from 'kafkajs';
import { until } from '../../poll.ts';

export interface ReadMessage {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** A member of a consumer group, reading. */
export interface Follower extends AsyncDisposable {
  /** All that it read so far, in the order in which it came. */
  readonly read: readonly ReadMessage[];
  /** The partitions that the group gave it last. */
  readonly assigned: readonly number[];
  /** Waits until the condition holds. Throws what ended the reading, where it came to an end by itself. */
  until(holds: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void>;
}

interface FollowOptions {
  readonly readUncommitted?: true;
  /** Called for each batch that is done with: the next offset to be read of a partition. Batches of control records count. */
  readonly onOffset?: (partition: number, next: bigint) => void;
}

/** Groups forget a member that was killed after this time; the least that brokers allow by default (group.min.session.timeout.ms). */
export const SESSION_MS = 6_000;
/** A member hears of a rebalance with its heartbeat's answer, so this is how long others wait for it. */
const HEARTBEAT_MS = 300;
const RETRY = { retries: 10, initialRetryTime: 100, maxRetryTime: 1_000 } as const;

/** Makes a client that is patient enough for a group which waits for its members. */
export type ReaderClient = (hooks: {
  readonly onHangUp: (address: string) => void;
  readonly log: Pick<KafkaConfig, 'logLevel' | 'logCreator'>;
}) => Promise<Kafka>;

/** Connections broken off again and again. kafkajs itself goes on for ever as long as one broker answers. */
export class BrokenOffError extends Error {
  override readonly name = 'BrokenOffError';
}

/**
 * kafkajs 2.2.4 that is told to stop while it hands partitions from one fetcher to another goes on fetching nothing, in a loop that never lets
 * anything else of this thread run. It logs each round, and what the log throws ends the loop.
 * Source: kafkajs 2.2.4, src/consumer/fetchManager.js (start) and runner.js (fetch).
 */
const ENDING_LOG = {
  logLevel: 5,
  logCreator:
    () =>
    ({ label, log }: { readonly label: string; readonly log: { readonly message: string } }) => {
      if (label === 'DEBUG' && log.message.includes('consumer not running')) throw new Error('the consumer has ended');
    },
} satisfies Pick<KafkaConfig, 'logLevel' | 'logCreator'>;

export async function follow(
  client: ReaderClient,
  topic: string,
  groupId: string,
  { readUncommitted = undefined, onOffset }: FollowOptions = {},
): Promise<Follower> {
  const hangUps: string[] = [];
  const kafka = await client({ onHangUp: (address) => hangUps.push(address), log: ENDING_LOG });
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    sessionTimeout: SESSION_MS,
    rebalanceTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    allowAutoTopicCreation: false,
    ...(readUncommitted ? { readUncommitted } : {}),
    retry: RETRY,
  });
  const read: ReadMessage[] = [];
  let assigned: readonly number[] = [];
  let crash: Error | null = null;
  consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
    if (!restart || !passesByItself(error)) crash = error;
  });
  consumer.on('consumer.group_join', ({ payload: { memberAssignment } }) => {
    assigned = memberAssignment[topic] ?? [];
  });
  consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
    onOffset?.(partition, BigInt(lastOffset) + 1n);
  });
  const leave = (): Promise<void> => consumer.disconnect();
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        for (const message of batch.messages) read.push({ partition: batch.partition, message });
        resolveOffset(batch.lastOffset());
        await heartbeat();
      },
    });
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    read,
    get assigned() {
      return assigned;
    },
    async until(holds, signal) {
      const look = async (): Promise<true | undefined> => {
        if (crash) throw crash;
        if (hangUps.length > RETRY.retries)
          throw new BrokenOffError(
            `${hangUps.at(-1)} and others ended ${hangUps.length} connections that we read from`,
          );
        return (await holds()) ? true : undefined;
      };
      await until(look, signal, 10);
    },
    [Symbol.asyncDispose]: leave,
  };
}

/** See KafkaClient.readAll. */
export async function readAll(
  client: ReaderClient,
  admin: Admin,
  topic: string,
  groupId: string,
  signal: AbortSignal,
  options: Pick<FollowOptions, 'readUncommitted'> = {},
): Promise<ReadMessage[]> {
  const offsets = await until(() => offsetsOf(admin, topic), signal);
  const wanted = new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
  const unread = new Set(offsets.filter(({ low, high }) => high !== low).map(({ partition }) => partition));
  await using follower = await follow(client, topic, groupId, {
    ...options,
    onOffset(partition, next) {
      if (next >= (wanted.get(partition) ?? 0n)) unread.delete(partition);
    },
  });
  await follower.until(() => unread.size === 0, signal);
  return [...follower.read];
}

/**
 * kafkajs 2.2.4 breaks with a TypeError where another request of the same client renews the metadata in the middle of this one, and the topic is
 * not among what that one asked for. Undefined then: ask again.
 */
export const offsetsOf = (admin: Admin, topic: string): Promise<TopicOffsets | undefined> =>
  admin.fetchTopicOffsets(topic).catch((error: unknown) => {
    if (error instanceof TypeError) return undefined;
    throw error;
  });

type TopicOffsets = Awaited<ReturnType<Admin['fetchTopicOffsets']>>;

/** Answers by which a broker asks for patience: every client tries again, and kafkajs restarts its consumer. */
const passesByItself = (error: Error): boolean => 'retriable' in error && error.retriable === true && 'type' in error;
