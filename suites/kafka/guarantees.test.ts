import { BUDGETS } from '../../helpers/budgets.ts';
import { suite } from '../../helpers/check/suite.ts';
import { advertised } from '../../helpers/connect/kafka/door.ts';
import type { Follower } from '../../helpers/connect/kafka/follow.ts';
import { type Ask, logSize } from '../../helpers/connect/kafka/raw.ts';
import { service } from '../../helpers/connect/kafka.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

/** `from` up to, but not with, `to`. */
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

const valuesOf = (read: readonly { readonly message: { readonly value: Buffer | null } }[]): number[] =>
  read.map(({ message }) => Number(message.value)).sort((a, b) => a - b);

check(
  'kafka.producer.idempotent',
  {
    level: 'semantics',
    claim: 'A batch whose acknowledgement is lost is produced again and stands in the log once',
    writes: ['topic', 'group'],
    otherwise: {
      class: 'data-wrong',
      remedy:
        'look for a proxy that takes apart what producers send, then at the version and the log of the partition leader',
    },
  },
  async ({ kafka, door, scratch, signal, expect, observe }) => {
    const topic = scratch.name('topic', 'idempotent');
    // One partition: kafkajs may choose another one when it produces a record without a key again.
    await kafka.createTopic(topic, { partitions: 1 });
    await using way = await kafka.lossyRoute(advertised(door.observed).map(({ address }) => address));
    await using producer = await kafka.producer({ idempotent: true, maxInFlightRequests: 1 }, way.route);
    const send = async (from: number): Promise<void> => {
      const messages = numbers(from, from + 50).map((n) => ({ value: String(n) }));
      await producer.send({ topic, acks: -1, messages });
    };
    await send(0);
    way.loseNextAnswer();
    await send(50);
    await send(100);
    observe({ acknowledgementsLost: way.lost() });
    expect(way.lost(), 'acknowledgements lost on the way').toBe(1);
    const read = valuesOf(await kafka.readAll(topic, scratch.name('group', 'idempotent'), signal));
    expect(read.length, 'records in the log of 150 produced').toBe(150);
    expect(read, 'records in the log differ from those produced').toEqual(numbers(0, 150));
    return { produced: 150, inLog: read.length };
  },
);

check(
  'kafka.txn.read-committed',
  {
    level: 'semantics',
    claim:
      'A reader of committed records sees the committed transaction and nothing of the aborted one, which is there',
    // The transactional id can't be removed: brokers forget it after transactional.id.expiration.ms, 7 days by default.
    writes: ['topic', 'group', 'transactional-id'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look at the log of the transaction coordinator, and for a proxy that changes what consumers ask for',
    },
  },
  async ({ kafka, scratch, signal, expect, observe }) => {
    const topic = scratch.name('topic', 'transactions');
    // One partition: where one of two brokers asks for patience, kafkajs 2.2.4 sends what the other one took a second time.
    await kafka.createTopic(topic, { partitions: 1 });
    const messages = (from: number) => numbers(from, from + 20).map((n) => ({ value: String(n) }));
    await using producer = await kafka.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
    const aborted = await producer.transaction();
    await aborted.send({ topic, acks: -1, messages: messages(0) });
    await aborted.abort();
    const committed = await producer.transaction();
    await committed.send({ topic, acks: -1, messages: messages(20) });
    await committed.commit();
    const [careful, careless] = await Promise.all([
      kafka.readAll(topic, scratch.name('group', 'committed'), signal),
      kafka.readAll(topic, scratch.name('group', 'uncommitted'), signal, { readUncommitted: true }),
    ]);
    observe({ committed: careful.length, uncommitted: careless.length });
    expect(valuesOf(careless), 'what a reader of uncommitted records sees').toEqual(numbers(0, 40));
    expect(valuesOf(careful), 'what a reader of committed records sees').toEqual(numbers(20, 40));
    return { aborted: 20, committed: careful.length, uncommitted: careless.length };
  },
);

check(
  'kafka.group.rebalance-resume',
  {
    level: 'semantics',
    claim:
      'When a member leaves, the rest of its group takes its partitions over; a new member goes on where the group left off',
    writes: ['topic', 'group'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look at the offsets of the group (kafka-consumer-groups.sh --describe) and at offsets.retention.minutes',
    },
  },
  async ({ kafka, scratch, signal, expect, observe }) => {
    const topic = scratch.name('topic', 'shared');
    const groupId = scratch.name('group', 'shared');
    await kafka.createTopic(topic, { partitions: 4 });
    await using producer = await kafka.producer();
    const send = async (from: number): Promise<void> => {
      const messages = numbers(from, from + 40).map((n) => ({ value: String(n), partition: n % 4 }));
      await producer.send({ topic, acks: -1, messages });
    };
    const committed = async (): Promise<number> => {
      const [offsets] = await kafka.admin.fetchOffsets({ groupId, topics: [topic] });
      return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    };
    const commits = async (group: Follower, wanted: number): Promise<void> => {
      const budget = AbortSignal.any([signal, AbortSignal.timeout(BUDGETS.attempt)]);
      await group
        .until(async () => (await committed()) === wanted, budget)
        .catch(async (error: unknown) => {
          if (signal.aborted || !budget.aborted) throw error;
          expect(await committed(), `offsets that the group has committed, of ${wanted} records`).toBe(wanted);
        });
    };
    const [first, second] = await Promise.all([kafka.follow(topic, groupId), kafka.follow(topic, groupId)]);
    await using stays = first;
    {
      await using leaves = second;
      await stays.until(() => stays.assigned.length === 2 && leaves.assigned.length === 2, signal);
      await send(0);
      await commits(stays, 40);
    }
    const began = performance.now();
    await stays.until(() => stays.assigned.length === 4, signal);
    observe({ tookOverMs: Math.round(performance.now() - began) });
    await send(40);
    await commits(stays, 80);
    await stays[Symbol.asyncDispose]();
    await send(80);
    await using resumed = await kafka.follow(topic, groupId);
    await commits(resumed, 120);
    const { groups } = await kafka.admin.describeGroups([groupId]);
    expect(groups[0]?.members.length, 'members of the group in the end').toBe(1);
    expect(valuesOf(resumed.read), 'what the new member read').toEqual(numbers(80, 120));
    expect(valuesOf([...stays.read, ...second.read]), 'what the first two members read').toEqual(numbers(0, 80));
    return { handedOver: 2, resumedAt: 80, read: 120 };
  },
);

check(
  'kafka.compaction.effective',
  {
    level: 'semantics',
    claim: 'Of a compacted topic the cleaner keeps the last value of each key, and no value of a deleted one',
    writes: ['topic', 'group'],
    // The cleaner looks for work every log.cleaner.backoff.ms, 15 s by default.
    deadlineMs: 45_000,
    otherwise: { class: 'data-wrong', remedy: 'look at log-cleaner.log of the partition leader' },
  },
  async ({ kafka, door, scratch, signal, expect, fail }) => {
    const topic = scratch.name('topic', 'compacted');
    await kafka.createTopic(topic, {
      partitions: 1,
      config: { 'cleanup.policy': 'compact', 'segment.ms': '1000', 'min.cleanable.dirty.ratio': '0.01' },
    });
    await using producer = await kafka.producer();
    const past = Date.now() - 60_000;
    const send = (messages: { key: string; value: string | null }[], timestamp: number) =>
      producer.send({ topic, acks: -1, messages: messages.map((each) => ({ ...each, timestamp: String(timestamp) })) });
    const filler = 'x'.repeat(1024);
    await send(
      numbers(0, 50).flatMap((n) => ['kept', 'deleted'].map((key) => ({ key, value: `${n} ${filler}` }))),
      past,
    );
    await send(
      [
        { key: 'kept', value: 'last' },
        { key: 'deleted', value: null },
      ],
      past + 1,
    );
    // A segment is closed by the first record that is younger by segment.ms; only closed ones are compacted.
    await send([{ key: 'end', value: 'open segment' }], Date.now());

    const { topics } = await kafka.admin.fetchTopicMetadata({ topics: [topic] });
    const leader = advertised(door.observed).find(({ id }) => id === topics[0]?.partitions[0]?.leader);
    const ask: Ask = (request) => kafka.ask(request, signal, leader ? { at: leader.address } : {});
    const budget = AbortSignal.any([signal, AbortSignal.timeout(CLEANER_MS)]);
    const bytes = await until(
      async () => {
        const size = await logSize(ask, topic, 0);
        return size !== null && size < filler.length ? size : undefined;
      },
      budget,
      200,
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      if (!budget.aborted) throw error;
      return fail({
        class: 'our-side',
        cause: `the log cleaner did not come by within ${CLEANER_MS} ms, which proves nothing`,
        remedy: 'run again when the brokers have less to clean; if it stays so, look at log-cleaner.log',
        evidence: `more than ${filler.length} bytes in the log of ${topic} after ${CLEANER_MS} ms`,
      });
    });
    const read = await kafka.readAll(topic, scratch.name('group', 'compacted'), signal);
    const left = read.map(({ message }) => `${message.key}=${message.value}`);
    expect(left, 'what is left of the topic').toEqual(['kept=last', 'deleted=null', 'end=open segment']);
    return { bytesProduced: 100 * filler.length, bytesLeft: bytes, left };
  },
);

const CLEANER_MS = 35_000;
