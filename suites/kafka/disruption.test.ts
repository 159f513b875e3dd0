import { suite } from '../../helpers/check/suite.ts';
import { advertised } from '../../helpers/connect/kafka/door.ts';
import { type Ask, describeQuorum, metadata } from '../../helpers/connect/kafka/raw.ts';
import { service } from '../../helpers/connect/kafka.ts';
import { protocolError } from '../../helpers/diagnose/kafka.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

check(
  'kafka.minisr.enforced',
  {
    level: 'durability',
    disruptive: true,
    claim: 'While a replica is missing, a write that asks for all is refused; once it is back, the write goes through',
    writes: ['topic'],
    // A broker is fenced after broker.session.timeout.ms, 9 s by default, and out of the ISR after replica.lag.time.max.ms, 30 s.
    deadlineMs: 90_000,
    otherwise: {
      class: 'misconfigured',
      remedy:
        'min.insync.replicas is not in force: look at the settings of the topic, and for a proxy that changes acks',
    },
  },
  async ({ kafka, door, scratch, signal, expect, observe, disruption, skip }) => {
    const ask: Ask = (request) => kafka.ask(request, signal);
    const { leader: controller } = await describeQuorum(ask);
    // The loss of the leading controller would hold up the very change of the ISR that is waited for.
    const follower = advertised(door.observed).find(({ id }) => id !== controller);
    const leader = advertised(door.observed).find(({ id }) => id !== follower?.id);
    if (!leader || !follower) return skip('brokers', 1);
    const topic = scratch.name('topic', 'two-replicas');
    await kafka.createTopic(topic, { assignment: [[leader.id, follower.id]], config: { 'min.insync.replicas': '2' } });
    const inSync = async (replicas: number): Promise<void> => {
      const fromLeader: Ask = (request) => kafka.ask(request, signal, { at: leader.address });
      await until(
        async () => {
          const { partitions } = await metadata(fromLeader, [topic]);
          return partitions[0]?.isr.length === replicas ? true : undefined;
        },
        signal,
        200,
      );
    };
    await using producer = await kafka.producer({ retry: { retries: 3 } });
    const send = (value: string): Promise<string | null> =>
      producer.send({ topic, acks: -1, messages: [{ value }] }).then(
        () => null,
        (error: unknown) => protocolError(error) ?? Promise.reject(error),
      );
    expect(await send('before'), 'a write while both replicas are there').toBeNull();
    let refused: string | null;
    {
      await using _paused = await disruption.pause(`kafka-${follower.id}`);
      await inSync(1);
      refused = await send('between');
    }
    observe({ leader: leader.id, stopped: follower.id, refused });
    expect(refused, 'a write while one of two replicas is missing').toBe('NOT_ENOUGH_REPLICAS');
    await inSync(2);
    expect(await send('after'), 'a write once the replica is back').toBeNull();
    return { recovered: true };
  },
);
