import { expect, test } from 'vitest';
import { API_KEYS, Reader, type WireRequest, Writer } from '../../wire/kafka.ts';
import { type Ask, describeQuorum, logSize, metadata } from './raw.ts';

/** Answers with these bytes and keeps what was asked. */
function answering(body: Buffer): { ask: Ask; asked: WireRequest[] } {
  const asked: WireRequest[] = [];
  return {
    asked,
    async ask(request) {
      asked.push(request);
      return body;
    },
  };
}

interface Member {
  readonly id: number;
  readonly end: bigint;
  readonly caughtUp: bigint;
}

const quorum = (
  leader: number,
  voters: readonly Member[],
  observers: readonly Member[] = [],
  errorCode = 0,
): Buffer => {
  const member = ({ id, end, caughtUp }: Member, w: Writer): Writer =>
    w.int32(id).int64(end).int64(caughtUp).int64(caughtUp).taggedFields();
  return new Writer()
    .int16(errorCode)
    .compactArray(['__cluster_metadata'], (name, w) =>
      w
        .compactString(name)
        .compactArray([0], (partition, p) =>
          p
            .int32(partition)
            .int16(0)
            .int32(leader)
            .int32(7)
            .int64(99n)
            .compactArray(voters, member)
            .compactArray(observers, member)
            .taggedFields(),
        )
        .taggedFields(),
    )
    .taggedFields()
    .done();
};

test('describeQuorum asks as the protocol guide has it and tells how far each follower is behind its leader', async () => {
  const { ask, asked } = answering(
    quorum(
      2,
      [
        { id: 1, end: 98n, caughtUp: 9_700n },
        { id: 2, end: 100n, caughtUp: 10_000n },
        { id: 3, end: 0n, caughtUp: -1n },
      ],
      [{ id: 4, end: 100n, caughtUp: 10_001n }],
    ),
  );
  expect(await describeQuorum(ask)).toEqual({
    errorCode: 0,
    leader: 2,
    epoch: 7,
    voters: [
      { id: 1, logEndOffset: 98, behindMs: 300 },
      { id: 2, logEndOffset: 100, behindMs: 0 },
      { id: 3, logEndOffset: 0, behindMs: null },
    ],
    observers: [{ id: 4, logEndOffset: 100, behindMs: 0 }],
  });
  const [{ apiKey, apiVersion, headerVersion, body }] = asked as [WireRequest];
  expect({ apiKey, apiVersion, headerVersion }).toEqual({ apiKey: 55, apiVersion: 1, headerVersion: 2 });
  expect(body.toString('latin1')).toBe('\x02\x13__cluster_metadata\x02\0\0\0\0\0\0\0');
});

test('describeQuorum hands on why it was refused, and a quorum without a leader', async () => {
  const refused = new Writer()
    .int16(31)
    .compactArray([], () => undefined)
    .taggedFields()
    .done();
  expect(await describeQuorum(answering(refused).ask)).toEqual({
    errorCode: 31,
    leader: -1,
    epoch: -1,
    voters: [],
    observers: [],
  });
  expect(await describeQuorum(answering(quorum(-1, [{ id: 1, end: 1n, caughtUp: -1n }])).ask)).toMatchObject({
    errorCode: 0,
    leader: -1,
    voters: [{ id: 1, behindMs: null }],
  });
});

test('logSize reads the size of the one partition that it asked for', async () => {
  const held = new Writer()
    .int32(0)
    .array(['/data/1', '/data/2'], (folder, w) =>
      w
        .int16(0)
        .string(folder)
        .array(folder === '/data/2' ? ['orders'] : [], (topic, t) =>
          t.string(topic).array([3], (index, p) => p.int32(index).int64(4_096n).int64(0n).int8(0)),
        ),
    )
    .done();
  const { ask, asked } = answering(held);
  expect(await logSize(ask, 'orders', 3)).toBe(4_096);
  const body = new Reader(asked[0]?.body ?? Buffer.alloc(0), 'request');
  expect(body.array(() => ({ topic: body.string(), partitions: body.array(() => body.int32()) }))).toEqual([
    { topic: 'orders', partitions: [3] },
  ]);
  body.end();
  expect(
    await logSize(
      answering(
        new Writer()
          .int32(0)
          .array([], () => undefined)
          .done(),
      ).ask,
      'orders',
      3,
    ),
  ).toBeNull();
});

test('metadata tells what one broker knows, and leaves out what it does not', async () => {
  const answer = new Writer()
    .array([1, 2], (id, w) => w.int32(id).string('host').int32(9_092).string(null))
    .int32(1)
    .array(['orders', 'unknown'], (topic, w) =>
      w
        .int16(topic === 'orders' ? 0 : 3)
        .string(topic)
        .int8(0)
        .array(topic === 'orders' ? [5] : [], (partition, p) =>
          p
            .int16(0)
            .int32(partition)
            .int32(1)
            .array([1, 2], (id, r) => r.int32(id))
            .array([1], (id, r) => r.int32(id)),
        ),
    )
    .done();
  const { ask, asked } = answering(answer);
  expect(await metadata(ask, ['orders', 'unknown'])).toEqual({
    brokers: [1, 2],
    partitions: [{ topic: 'orders', partition: 5, leader: 1, replicas: [1, 2], isr: [1] }],
  });
  await metadata(ask, null);
  expect(asked.map(({ apiKey, body }) => [apiKey, body.readInt32BE()])).toEqual([
    [API_KEYS.Metadata, 2],
    [API_KEYS.Metadata, -1],
  ]);
});
