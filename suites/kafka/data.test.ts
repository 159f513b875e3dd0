import { randomBytes } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { registerCodecs } from '../../helpers/connect/kafka/codecs.ts';
import { service } from '../../helpers/connect/kafka.ts';

const check = suite(service);

check(
  'kafka.topic.create',
  {
    level: 'round-trip',
    claim:
      'A topic of six partitions is created with every replica on a broker of its own and leaders on several brokers',
    writes: ['topic'],
    otherwise: {
      class: 'not-redundant',
      remedy: 'bring the missing brokers back, or look for a create policy that changes the request',
    },
  },
  async ({ kafka, component, scratch, expect }) => {
    const topic = scratch.name('topic', 'records');
    const replicationFactor = Math.min(3, component.target ?? 1);
    const config = replicationFactor > 2 ? { 'min.insync.replicas': '2' } : {};
    await kafka.createTopic(topic, { partitions: 6, config });
    const { topics } = await kafka.admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions ?? [];
    expect(partitions.length, 'partitions created').toBe(6);
    const replicas = partitions.map((partition) => new Set(partition.replicas).size);
    expect(replicas, 'replicas of a partition on distinct brokers').toEqual(Array(6).fill(replicationFactor));
    const leaders = new Set(partitions.map(({ leader }) => leader));
    expect(leaders.size, 'brokers that lead partitions').toBeGreaterThanOrEqual(Math.min(2, replicationFactor));
    return {
      topic,
      partitions: 6,
      replicationFactor,
      leaders: [...leaders].sort((a, b) => a - b),
    };
  },
);

check(
  'kafka.topic.round-trip',
  {
    level: 'round-trip',
    claim: 'A hundred records produced with acks=all come back once each, byte for byte, with keys and headers',
    needs: ['kafka.topic.create'],
    writes: ['topic', 'group'],
    otherwise: {
      class: 'data-wrong',
      remedy:
        'compare the evidence with the log of the partition (kafka-dump-log.sh); look for a proxy that changes bytes, then for a faulty disk',
    },
  },
  async ({ kafka, scratch, signal, expect, observe }) => {
    const topic = scratch.name('topic', 'records');
    const sent = Array.from({ length: 100 }, (_, n) => ({
      key: Buffer.from(`key-${n}`),
      value: randomBytes(32),
      headers: { 'assay-n': Buffer.from(String(n)), 'assay-bytes': randomBytes(8) },
    }));
    await using producer = await kafka.producer();
    const acks = await producer.send({ topic, acks: -1, messages: sent });
    observe({ acknowledged: acks.length, baseOffset: acks[0]?.baseOffset ?? null });
    const read = await kafka.readAll(topic, scratch.name('group', 'round-trip'), signal);
    const shape = (key: Buffer | null, value: Buffer | null, headers: Record<string, unknown> = {}): string =>
      [key, value, headers['assay-n'], headers['assay-bytes']]
        .map((part) => (Buffer.isBuffer(part) ? part.toString('hex') : 'absent'))
        .join(' ');
    const back = read.map(({ message }) => shape(message.key, message.value, message.headers)).sort();
    expect(back.length, 'records read back of 100 produced').toBe(100);
    expect(back, 'records read back differ from those produced').toEqual(
      sent.map(({ key, value, headers }) => shape(key, value, headers)).sort(),
    );
    return { produced: 100, readBack: back.length, partitions: new Set(read.map(({ partition }) => partition)).size };
  },
);

check(
  'kafka.order.per-key',
  {
    level: 'semantics',
    claim: 'Records of one key stay on one partition, in the order in which they were produced',
    needs: ['kafka.topic.create'],
    writes: ['topic', 'group'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for partitions added to a live topic, or for producers with different partitioners',
    },
  },
  async ({ kafka, scratch, signal, expect }) => {
    const topic = scratch.name('topic', 'order');
    const keys = ['a', 'b', 'c', 'd', 'e'];
    await kafka.createTopic(topic, { partitions: 6 });
    await using producer = await kafka.producer();
    for (let from = 0; from < 200; from += 50) {
      const steps = Array.from({ length: 50 }, (_, n) => from + n);
      await producer.send({
        topic,
        acks: -1,
        messages: steps.flatMap((n) => keys.map((key) => ({ key, value: String(n) }))),
      });
    }
    const read = await kafka.readAll(topic, scratch.name('group', 'order'), signal);
    const partitionOf: Record<string, number> = {};
    for (const key of keys) {
      const own = read.filter(({ message }) => message.key?.toString() === key);
      expect(new Set(own.map(({ partition }) => partition)).size, `partitions that hold key ${key}`).toBe(1);
      expect(
        own.map(({ message }) => Number(message.value)),
        `sequence of key ${key}`,
      ).toEqual(Array.from({ length: 200 }, (_, n) => n));
      partitionOf[key] = own[0]?.partition ?? -1;
    }
    return { records: read.length, partitionOf };
  },
);

check(
  'kafka.compression.codecs',
  {
    level: 'semantics',
    claim: 'Batches compressed by gzip, snappy, lz4 and zstd are taken as they are and come back byte for byte',
    writes: ['topic', 'group'],
    otherwise: {
      class: 'data-wrong',
      remedy:
        'look for a proxy that changes bytes, then for the codec libraries of the brokers (a writable /tmp that allows execution)',
    },
  },
  async ({ kafka, scratch, signal, expect, observe }) => {
    const topic = scratch.name('topic', 'codecs');
    const codecs = [...(await registerCodecs())];
    await kafka.createTopic(topic, { partitions: codecs.length, config: { 'compression.type': 'producer' } });
    const sent = Array.from(
      { length: 40 },
      (_, n) => `${n} ${'the same words again, '.repeat(20)} ${randomBytes(8).toString('hex')}`,
    );
    await using producer = await kafka.producer();
    const taken: string[] = [];
    for (const [partition, [name, compression]] of codecs.entries()) {
      await producer.send({ topic, acks: -1, compression, messages: sent.map((value) => ({ value, partition })) });
      observe({ taken: [...taken, name] });
      taken.push(name);
    }
    const read = await kafka.readAll(topic, scratch.name('group', 'codecs'), signal);
    for (const [partition, [name]] of codecs.entries()) {
      const back = read.filter((each) => each.partition === partition).map(({ message }) => message.value?.toString());
      expect(back, `records that were compressed by ${name}`).toEqual(sent);
    }
    return { codecs: taken, records: read.length };
  },
);
