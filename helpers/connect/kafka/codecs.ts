import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { CompressionTypes } from 'kafkajs';

/** Thrown for a batch that does not decompress: its bytes are not those that were produced. */
export class UndecompressableError extends Error {
  override readonly name = 'UndecompressableError';
}

interface Codec {
  readonly id: CompressionTypes;
  readonly compress: (bytes: Buffer) => Promise<Buffer>;
  readonly decompress: (bytes: Buffer) => Promise<Buffer>;
}

/**
 * Every codec that a Kafka producer can choose, as kafkajs asks for them: it brings gzip along and knows the others by their numbers only.
 * LZ4 is its frame format, Snappy the bare block that brokers take besides Java's framed one.
 * Source: Apache Kafka documentation, "Message Format", attributes of a record batch; KIP-110 for zstd.
 */
async function codecs(): Promise<Readonly<Record<'gzip' | 'snappy' | 'lz4' | 'zstd', Codec>>> {
  const [snappy, lz4] = await Promise.all([import('snappy'), import('lz4-napi')]);
  return {
    gzip: { id: 1, compress: promisify(zlib.gzip), decompress: promisify(zlib.gunzip) },
    snappy: {
      id: 2,
      compress: (bytes) => snappy.compress(bytes),
      decompress: async (bytes) => Buffer.from(await snappy.uncompress(bytes)),
    },
    lz4: { id: 3, compress: (bytes) => lz4.compressFrame(bytes), decompress: (bytes) => lz4.decompressFrame(bytes) },
    zstd: { id: 4, compress: promisify(zlib.zstdCompress), decompress: promisify(zlib.zstdDecompress) },
  };
}

/** Teaches kafkajs all codecs, for the whole process, and returns their numbers by name. */
export async function registerCodecs(): Promise<ReadonlyMap<string, CompressionTypes>> {
  const [{ default: kafkajs }, all] = await Promise.all([import('kafkajs'), codecs()]);
  for (const [name, { id, compress, decompress }] of Object.entries(all))
    kafkajs.CompressionCodecs[id as 1 | 2 | 3 | 4] = () => ({
      compress: ({ buffer }: { readonly buffer: Buffer }) => compress(buffer),
      decompress: (bytes: Buffer) =>
        decompress(bytes).catch((cause: unknown) => {
          throw new UndecompressableError(`a batch compressed by ${name} does not decompress: ${cause}`, { cause });
        }),
    });
  return new Map(Object.entries(all).map(([name, { id }]) => [name, id]));
}
