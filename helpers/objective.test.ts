import fc from 'fast-check';
import { expect, test } from 'vitest';
import { earnedAt, objective, percentile } from './objective.ts';

test.each([
  [0, 1_000],
  [50, 1_000],
  [51, 990],
  [75, 750],
  [100, 500],
  [100.1, null],
])('%d ms against a target of 50 and a limit of 100 earns %j thousandths', (measured, earned) => {
  expect(earnedAt(measured, { target: 50, limit: 100 })).toBe(earned);
});

test('a target that is the limit is all or nothing', () => {
  expect(earnedAt(50, { target: 50, limit: 50 })).toBe(1_000);
  expect(earnedAt(50.01, { target: 50, limit: 50 })).toBeNull();
});

test('slower never earns more, and a pass at least half', () => {
  const time = fc.double({ min: 0.001, max: 10_000, noNaN: true });
  fc.assert(
    fc.property(time, time, time, time, (a, b, x, y) => {
      const bounds = { target: Math.min(a, b), limit: Math.max(a, b) };
      const fast = earnedAt(Math.min(x, y), bounds);
      const slow = earnedAt(Math.max(x, y), bounds);
      expect(slow ?? 0).toBeLessThanOrEqual(fast ?? 0);
      expect(fast ?? 500).toBeGreaterThanOrEqual(500);
    }),
  );
});

test.each([
  [0.5, 50],
  [0.99, 99],
  [1, 100],
])('the percentile %d of 1 to 100 is %d', (share, value) => {
  expect(
    percentile(
      Array.from({ length: 100 }, (_, n) => 100 - n),
      share,
    ),
  ).toBe(value);
});

test('an objective whose target is over its limit is refused', () => {
  expect(objective('ms').safeParse({ target: 2, limit: 1 }).error?.issues[0]?.message).toBe(
    'has a target over its limit',
  );
});
