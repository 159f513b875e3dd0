import { API_KEYS, Reader, type WireRequest, Writer } from '../../wire/kafka.ts';

/** Asks a broker one thing for which kafkajs has no words, and resolves with what follows the answer's header. */
export type Ask = (request: WireRequest) => Promise<Buffer>;

export interface Quorum {
  /** Kafka's error code; 0: none. */
  readonly errorCode: number;
  /** Id of the leading controller; -1: there is none. */
  readonly leader: number;
  readonly epoch: number;
  readonly voters: readonly QuorumMember[];
  /** Brokers that follow the metadata log without a vote. */
  readonly observers: readonly QuorumMember[];
}

export interface QuorumMember {
  readonly id: number;
  readonly logEndOffset: number;
  /** Milliseconds since it had all that the leader had, by the leader's clock; null: not since this leader leads. */
  readonly behindMs: number | null;
}

/**
 * The controllers as their leader sees them, by DescribeQuorum v1 (Kafka 3.3 and later).
 * Source: Apache Kafka protocol guide, "DescribeQuorum"; KIP-595, KIP-836 for the time stamps. The leader names itself caught up now.
 */
export async function describeQuorum(ask: Ask): Promise<Quorum> {
  const body = new Writer()
    .compactArray(['__cluster_metadata'], (topic, w) =>
      w
        .compactString(topic)
        .compactArray([0], (partition, p) => p.int32(partition).taggedFields())
        .taggedFields(),
    )
    .taggedFields()
    .done();
  const bytes = await ask({ apiKey: API_KEYS.DescribeQuorum, apiVersion: 1, headerVersion: 2, body });
  const answer = new Reader(bytes, 'answer to DescribeQuorum');
  const refused = answer.int16();
  const [partition] = answer
    .compactArray(() => {
      answer.compactString();
      const partitions = answer.compactArray(() => {
        answer.int32();
        const errorCode = answer.int16();
        const leader = answer.int32();
        const epoch = answer.int32();
        answer.int64();
        const voters = members(answer);
        const observers = members(answer);
        answer.taggedFields();
        return { errorCode, leader, epoch, voters, observers };
      });
      answer.taggedFields();
      return partitions;
    })
    .flat();
  const { errorCode = 0, leader = -1, epoch = -1, voters = [], observers = [] } = partition ?? {};
  const now = voters.find(({ id }) => id === leader)?.caughtUp ?? 0n;
  const seen = (all: readonly CaughtUp[]): QuorumMember[] =>
    all.map(({ id, logEndOffset, caughtUp }) => ({
      id,
      logEndOffset,
      behindMs: caughtUp < 0n ? null : Math.max(0, Number(now - caughtUp)),
    }));
  return { errorCode: refused || errorCode, leader, epoch, voters: seen(voters), observers: seen(observers) };
}

interface CaughtUp {
  readonly id: number;
  readonly logEndOffset: number;
  readonly caughtUp: bigint;
}

const members = (answer: Reader): CaughtUp[] =>
  answer.compactArray(() => {
    const id = answer.int32();
    const logEndOffset = Number(answer.int64());
    answer.int64();
    const caughtUp = answer.int64();
    answer.taggedFields();
    return { id, logEndOffset, caughtUp };
  });

/**
 * Bytes that the asked broker holds of a partition, by DescribeLogDirs v1; null: it has no replica of it.
 * Source: Apache Kafka protocol guide, "DescribeLogDirs"; KIP-113.
 */
export async function logSize(ask: Ask, topic: string, partition: number): Promise<number | null> {
  const body = new Writer()
    .array([topic], (name, w) => w.string(name).array([partition], (index, p) => p.int32(index)))
    .done();
  const bytes = await ask({ apiKey: API_KEYS.DescribeLogDirs, apiVersion: 1, headerVersion: 1, body });
  const answer = new Reader(bytes, 'answer to DescribeLogDirs');
  answer.int32();
  const sizes = answer.array(() => {
    answer.int16();
    answer.string();
    return answer.array(() => {
      answer.string();
      return answer.array(() => {
        answer.int32();
        const size = Number(answer.int64());
        answer.int64();
        answer.int8();
        return size;
      });
    });
  });
  return sizes.flat(2)[0] ?? null;
}

export interface Metadata {
  /** Ids of the registered brokers. */
  readonly brokers: readonly number[];
  readonly partitions: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  readonly topic: string;
  readonly partition: number;
  /** -1: none. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

/**
 * What the asked broker knows, and no other: after a change brokers learn of it one by one. Topics that it does not know are left out.
 * Source: Apache Kafka protocol guide, "Metadata" version 1.
 * @param topics null: all of them
 */
export async function metadata(ask: Ask, topics: readonly string[] | null): Promise<Metadata> {
  const answer = new Reader(await ask(metadataOf(topics)), 'answer to Metadata');
  const brokers = answer.array(() => {
    const id = answer.int32();
    answer.string();
    answer.int32();
    answer.string();
    return id;
  });
  answer.int32();
  const partitions = answer.array(() => {
    answer.int16();
    const topic = answer.string() ?? '';
    answer.int8();
    return answer.array(() => {
      answer.int16();
      const partition = answer.int32();
      const leader = answer.int32();
      return {
        topic,
        partition,
        leader,
        replicas: answer.array(() => answer.int32()),
        isr: answer.array(() => answer.int32()),
      };
    });
  });
  return { brokers, partitions: partitions.flat() };
}

/** The request by itself: for no topic it is the least that takes a login. */
export const metadataOf = (topics: readonly string[] | null): WireRequest => ({
  apiKey: API_KEYS.Metadata,
  apiVersion: 1,
  headerVersion: 1,
  body:
    topics === null ? new Writer().int32(-1).done() : new Writer().array(topics, (topic, w) => w.string(topic)).done(),
});
