import { pauseProcess } from '../../fixtures/faults/process.ts';
import type { FaultContext } from '../../helpers/check/proof.ts';
import { until } from '../../helpers/poll.ts';
import { API_KEYS, exchange, Reader, Writer } from '../../helpers/wire/kafka.ts';

/** A paused broker is fenced after broker.session.timeout.ms, and back in every ISR some seconds after it goes on: 6 s and 10 s measured. */
const FENCING_MS = 30_000;

/**
 * Stops a broker of the local platform and waits until the controllers have fenced it and every ISR is without it. Its mending waits
 * until the broker is back everywhere: the next proof begins on a whole cluster.
 */
export async function stopBroker({ pid, env }: FaultContext, id: number): Promise<AsyncDisposable> {
  const addresses = (env.KAFKA_BOOTSTRAP ?? '').split(',');
  const other = addresses[id % addresses.length] ?? '';
  const settled = (wanted: boolean): Promise<true> =>
    until(() => isIn(other, id, wanted), AbortSignal.timeout(FENCING_MS), 200);
  const paused = await pauseProcess(pid(`kafka-${id}`));
  const mend = async (): Promise<void> => {
    await paused[Symbol.asyncDispose]();
    await settled(true);
  };
  try {
    await settled(false);
  } catch (error) {
    await mend();
    throw error;
  }
  return { [Symbol.asyncDispose]: mend };
}

/** True where the broker is registered and in every ISR that it belongs to, or neither registered nor in any. Undefined in between. */
async function isIn(address: string, id: number, wanted: boolean): Promise<true | undefined> {
  const { brokers, partitions } = await metadata(address);
  const registered = brokers.includes(id);
  const own = partitions.filter(({ replicas }) => replicas.includes(id));
  return registered === wanted && own.every(({ isr }) => isr.includes(id) === wanted) ? true : undefined;
}

interface Metadata {
  readonly brokers: readonly number[];
  readonly partitions: readonly { readonly replicas: readonly number[]; readonly isr: readonly number[] }[];
}

/** Metadata v1 of all topics, asked of one broker and no other. Source: Kafka protocol guide, Metadata API (key 3). */
async function metadata(address: string): Promise<Metadata> {
  const [host = '', port] = address.split(':');
  const everything = new Writer().int32(-1).done();
  const request = { apiKey: API_KEYS.Metadata, apiVersion: 1, headerVersion: 1, body: everything } as const;
  const answer = new Reader(
    await exchange({ host, port: Number(port) }, request, AbortSignal.timeout(FENCING_MS)),
    address,
  );
  const brokers = answer.array(() => {
    const id = answer.int32();
    answer.string();
    answer.int32();
    answer.string();
    return id;
  });
  answer.int32();
  const topics = answer.array(() => {
    answer.int16();
    answer.string();
    answer.int8();
    return answer.array(() => {
      answer.int16();
      answer.int32();
      answer.int32();
      return { replicas: answer.array(() => answer.int32()), isr: answer.array(() => answer.int32()) };
    });
  });
  return { brokers, partitions: topics.flat() };
}
