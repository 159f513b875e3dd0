import { expect, it } from 'vitest';
import { bytesOf } from './neo4j.ts';

it.each([
  ['16m', 2 ** 24],
  ['512.00KiB', 2 ** 19],
  ['1.50GiB', 1.5 * 2 ** 30],
  ['8Gi', 2 ** 33],
  ['2T', 2 ** 41],
  ['0B', 0],
  ['1024', 1024],
])('%s is %i bytes', (text, bytes) => {
  expect(bytesOf(text)).toBe(bytes);
});
