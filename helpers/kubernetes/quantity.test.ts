import { expect, test } from 'vitest';
import { bytesOf } from './quantity.ts';

test.each([
  ['50Gi', 53_687_091_200],
  ['50G', 50_000_000_000],
  ['1.5Ti', 1_649_267_441_664],
  ['1024', 1_024],
  ['12e6', 12_000_000],
  ['large', Number.NaN],
])('%s is %d bytes', (quantity, bytes) => {
  expect(bytesOf(quantity)).toBe(bytes);
});
