import { describe, expect, it } from 'vitest';
import { bytes, leastFree, thresholdEnabled } from './watermarks.ts';

const GB = 1024 ** 3;
const PREFIX = 'cluster.routing.allocation.disk.watermark';

describe('leastFree', () => {
  it.each([
    ['the default of a small disk', {}, 50 * GB, 7.5 * GB],
    ['the default of a large disk, by its headroom', {}, 4_000 * GB, 200 * GB],
    [
      'a share of its own, without headroom',
      { [`${PREFIX}.low`]: '80%', [`${PREFIX}.low.max_headroom`]: '200GB' },
      4_000 * GB,
      800 * GB,
    ],
    [
      'a share with a headroom of its own',
      { [`${PREFIX}.low`]: '80%', [`${PREFIX}.low.max_headroom`]: '10gb' },
      4_000 * GB,
      10 * GB,
    ],
    [
      'a headroom that is switched off',
      { [`${PREFIX}.low`]: '85%', [`${PREFIX}.low.max_headroom`]: '-1' },
      4_000 * GB,
      600 * GB,
    ],
    ['a ratio', { [`${PREFIX}.low`]: '0.75' }, 100 * GB, 25 * GB],
    ['a size', { [`${PREFIX}.low`]: '1gb' }, 4_000 * GB, GB],
  ])('takes %s', (_, settings, total, free) => {
    expect(leastFree(settings, 'low', total)).toBe(Math.round(free));
  });
});

it.each([
  [{}, true],
  [{ 'cluster.routing.allocation.disk.threshold_enabled': 'false' }, false],
])('reads whether the watermarks hold at all from %o', (settings, enabled) => {
  expect(thresholdEnabled(settings)).toBe(enabled);
});

it.each([
  ['500mb', 500 * 1024 ** 2],
  ['200GB', 200 * GB],
  ['1.5g', 1.5 * GB],
  ['12', 12],
])('reads the size %s', (text, size) => {
  expect(bytes(text)).toBe(size);
});

it('refuses what is no size', () => {
  expect(() => bytes('much')).toThrow('much is no size such as 2gb');
});
