import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { registerCodecs, UndecompressableError } from './codecs.ts';

const codecs = await registerCodecs();
const text = Buffer.from('the same words again, '.repeat(200));

test.each([...codecs])(
  '%s gives back what it was given, in fewer bytes, and tells of bytes that are not its own',
  async (_, id) => {
    const codec = kafkajs.CompressionCodecs[id as 1 | 2 | 3 | 4]();
    const packed: Buffer = await codec.compress({ buffer: text });
    expect(packed.length).toBeLessThan(text.length / 5);
    expect(await codec.decompress(packed)).toEqual(text);
    await expect(codec.decompress(packed.subarray(0, packed.length / 2))).rejects.toThrow(UndecompressableError);
  },
);
