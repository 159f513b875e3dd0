import { pauseProcess } from '../../fixtures/faults/process.ts';
import type { FaultProxy } from '../../fixtures/faults/proxy.ts';
import type { FaultContext } from '../../helpers/check/proof.ts';
import { type Ask, metadata } from '../../helpers/connect/kafka/raw.ts';
import { service, settingsOf } from '../../helpers/connect/kafka.ts';
import { until } from '../../helpers/poll.ts';
import { direct } from '../../helpers/route.ts';
import type { Target } from '../../helpers/service.ts';
import { exchange } from '../../helpers/wire/kafka.ts';
import type { Component } from '../../reports/model.ts';

/** Puts a fault to every proxy. */
export const everywhere =
  (fault: (proxy: FaultProxy) => Promise<void>) =>
  async ({ proxies }: FaultContext): Promise<void> => {
    await Promise.all(proxies.map(fault));
  };

/** The component as a phase file would have it that names another listener of the local platform. */
export const listener =
  (name: 'KAFKA_BOOTSTRAP' | 'KAFKA_TLS_BOOTSTRAP') =>
  (component: Component, env: FaultContext['env']): Component => ({
    ...component,
    endpoints: { bootstrap: (env[name] ?? '').split(',') },
    tls: null,
  });

/** The cluster as its operator meets it, who may change it: by the listener whose peers are super users. */
function asOperator({ target, env }: FaultContext): Target {
  const component = { ...listener('KAFKA_BOOTSTRAP')(target.component, env), credentials: null };
  return { component, secrets: { password: null }, route: direct('loopback') };
}

/** A paused broker is fenced after broker.session.timeout.ms, and back in every ISR some seconds after it goes on: 6 s and 10 s measured. */
const SETTLING_MS = 30_000;

/**
 * Stops a broker of the local platform and waits until the controllers have fenced it and every ISR is without it. Its mending waits
 * until the broker is back everywhere: the next proof begins on a whole cluster.
 */
export async function stopBroker({ pid, env }: FaultContext, id: number): Promise<AsyncDisposable> {
  const addresses = (env.KAFKA_BOOTSTRAP ?? '').split(',');
  const other = addresses[id % addresses.length] ?? '';
  const settled = (wanted: boolean): Promise<true> =>
    until(() => isIn(other, id, wanted), AbortSignal.timeout(SETTLING_MS), 200);
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
  const { brokers, partitions } = await metadata(plain(address), null);
  const registered = brokers.includes(id);
  const own = partitions.filter(({ replicas }) => replicas.includes(id));
  return registered === wanted && own.every(({ isr }) => isr.includes(id) === wanted) ? true : undefined;
}

/** By the listener that asks for no login. */
function plain(address: string): Ask {
  const [host = '', port] = address.split(':');
  return (request) => exchange({ host, port: Number(port) }, request, AbortSignal.timeout(SETTLING_MS));
}

/**
 * Moves the replicas of a topic, as where it was created while brokers were missing, or by hand. Its mending puts them back and waits until
 * all are in sync.
 * @param place from the ids of a partition's brokers to those that it gets
 */
export async function placeReplicas(
  context: FaultContext,
  topic: string,
  place: (replicas: readonly number[]) => number[],
): Promise<AsyncDisposable> {
  const [address = ''] = (context.env.KAFKA_BOOTSTRAP ?? '').split(',');
  const { partitions: before } = await metadata(plain(address), [topic]);
  const move = async (
    placed: readonly { readonly partition: number; readonly replicas: number[] }[],
  ): Promise<void> => {
    await using kafka = await service.open(asOperator(context), AbortSignal.timeout(SETTLING_MS));
    await kafka.admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [...placed] }] });
    const wanted = new Map(placed.map(({ partition, replicas }) => [partition, replicas]));
    await until(async () => {
      const { partitions } = await metadata(plain(address), [topic]);
      const there = partitions.every(
        ({ partition, replicas, isr }) =>
          sameIds(replicas, wanted.get(partition) ?? []) && isr.length === replicas.length,
      );
      return there ? true : undefined;
    }, AbortSignal.timeout(SETTLING_MS));
  };
  const placed = (place: (replicas: readonly number[]) => number[]) =>
    before.map(({ partition, replicas }) => ({ partition, replicas: place(replicas) }));
  await move(placed(place));
  return { [Symbol.asyncDispose]: () => move(placed((replicas) => [...replicas])) };
}

const sameIds = (a: readonly number[], b: readonly number[]): boolean => [...a].sort().join() === [...b].sort().join();

/** Changes settings of a declared topic, or of one broker, as a careless hand does. Its mending puts back what was declared. */
export async function change(
  context: FaultContext,
  of: 'topic' | 'broker',
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<AsyncDisposable> {
  const declared = of === 'topic' ? (settingsOf(context.target.component).topics?.[name] ?? {}) : {};
  const usual = Object.fromEntries(Object.entries(declared).map(([key, value]) => [key, String(value)]));
  const alter = async (all: Readonly<Record<string, string>>): Promise<void> => {
    await using kafka = await service.open(asOperator(context), AbortSignal.timeout(SETTLING_MS));
    const configEntries = Object.entries(all).map(([key, value]) => ({ name: key, value }));
    // alterConfigs replaces all settings of the resource: what is not said is gone.
    await kafka.admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: of === 'topic' ? 2 : 4, name, configEntries }],
    });
    await until(async () => {
      const there = (await kafka.settings(of, [name], Object.keys(settings))).get(name) ?? {};
      const keys = Object.keys(settings);
      const done = keys.every((key) => (there[key] === settings[key]) === (all[key] === settings[key]));
      return done ? true : undefined;
    }, AbortSignal.timeout(SETTLING_MS));
  };
  await alter({ ...usual, ...settings });
  return { [Symbol.asyncDispose]: () => alter(usual) };
}
