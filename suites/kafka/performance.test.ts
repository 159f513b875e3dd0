import { suite } from '../../helpers/check/suite.ts';
import { service, settingsOf } from '../../helpers/connect/kafka.ts';
import { percentile } from '../../helpers/objective.ts';

const check = suite(service);

const RECORDS = 200;
const IN_FLIGHT = 10;

check(
  'kafka.perf.produce-p99',
  {
    level: 'performance',
    claim:
      'Of 200 records of 1 KiB, ten at a time, 99 in a hundred are acknowledged by all replicas within the objective',
    writes: ['topic'],
    otherwise: {
      class: 'slow',
      remedy: 'look at the disks and the request queue of the brokers, then at the network between them and from here',
    },
  },
  async ({ kafka, component, scratch, signal, grade, observe, skip }) => {
    const objective = settingsOf(component).objectives?.produceP99;
    if (!objective) return skip('objectives.produceP99', null);
    const topic = scratch.name('topic', 'produce');
    await kafka.createTopic(topic, { partitions: 6 });
    await using producer = await kafka.producer();
    const value = Buffer.alloc(1024, 'assay');
    const send = async (n: number): Promise<number> => {
      signal.throwIfAborted();
      const began = performance.now();
      await producer.send({ topic, acks: -1, messages: [{ value, partition: n % 6 }] });
      return performance.now() - began;
    };
    // Connections and caches of both sides are no part of what is promised.
    await Promise.all(Array.from({ length: IN_FLIGHT * 2 }, (_, n) => send(n)));
    const samples: number[] = [];
    const began = performance.now();
    let next = 0;
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (next < RECORDS) samples.push(await send(next++));
      }),
    );
    const ms = performance.now() - began;
    const round = (value: number): number => Math.round(value * 10) / 10;
    observe({ samples: samples.length, p50: round(percentile(samples, 0.5)), p99: round(percentile(samples, 0.99)) });
    const p99 = grade(samples, 0.99, objective);
    return { p99: round(p99), recordsPerSecond: Math.round((RECORDS * 1_000) / ms), ...objective };
  },
);
