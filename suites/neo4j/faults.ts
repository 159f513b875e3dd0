import { MESSAGE, rewriteBolt } from '../../fixtures/faults/bolt-frames.ts';
import { type Dictionary, pack, Struct, unpack } from '../../fixtures/faults/packstream.ts';
import type { Rewriter } from '../../fixtures/faults/proxy.ts';
import type { FaultContext } from '../../helpers/check/proof.ts';
import { service } from '../../helpers/connect/neo4j.ts';
import { until } from '../../helpers/poll.ts';
import { direct } from '../../helpers/route.ts';

/** For the proxy's `corrupt`. Of one length, so that the chunks and strings of Bolt stay whole. */
export function replaceText(from: string, to: string): (chunk: Buffer) => Buffer {
  if (Buffer.byteLength(from) !== Buffer.byteLength(to)) throw new Error(`${from} and ${to} differ in length`);
  // latin1 keeps every byte what it is.
  const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
  return (chunk) => Buffer.from(chunk.toString('latin1').replaceAll(latin1(from), latin1(to)), 'latin1');
}

/** Changes what explicit transactions are begun with. */
export const changeBegin = (change: (extra: Dictionary) => Dictionary): (() => Rewriter) =>
  rewriteBolt({
    request: (message) =>
      message.tag === MESSAGE.begin
        ? new Struct(message.tag, [change((message.fields[0] ?? {}) as Dictionary)])
        : message,
  });

/** Puts one status code in the place of another. */
export const replaceCode = (from: string, to: string): (() => Rewriter) =>
  rewriteBolt({
    summary: (summary) => {
      if (summary.tag !== MESSAGE.failure) return summary;
      const meta = summary.fields[0] as Dictionary;
      // Up to Bolt 5.6 as `code`, afterwards as `neo4j_code`.
      const key = 'neo4j_code' in meta ? 'neo4j_code' : 'code';
      return meta[key] === from ? new Struct(summary.tag, [{ ...meta, [key]: to }]) : summary;
    },
  });

const BOOKMARK = 'FB:';
/** The database's id follows as 16 bytes, and then the number of the transaction. Read off 4.4.26 and 2026.08.1. */
const BEFORE_NUMBER = 3 + 16;

/** A bookmark of the same database for a transaction that is far from having happened. */
export function laterBookmark(bookmark: string): string {
  const bytes = Buffer.from(bookmark.slice(BOOKMARK.length), 'base64');
  const number = unpack(bytes.subarray(BEFORE_NUMBER));
  const rest = bytes.subarray(BEFORE_NUMBER + pack(number).length);
  const later = pack((number as bigint) + 1_000_000n);
  return BOOKMARK + Buffer.concat([bytes.subarray(0, BEFORE_NUMBER), later, rest]).toString('base64');
}

const SECOND = 1_000;

/** Leaves a transaction open that has written, until it is a second old. Its mending rolls it back. */
export async function forgetTransaction({ target }: FaultContext): Promise<AsyncDisposable> {
  const { signal } = new AbortController();
  const client = await service.open({ ...target, route: direct('loopback') }, signal);
  const transaction = await client.begin('write', signal);
  const began = performance.now();
  await transaction.run('CREATE (:AssayScratch)', {});
  await until(() => (performance.now() - began > SECOND ? true : undefined), signal);
  return {
    async [Symbol.asyncDispose]() {
      await transaction[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}
