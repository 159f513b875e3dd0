import { describe, expect, test } from 'vitest';
import { duration, runFlags, splitTestArguments } from './flags.ts';

describe('flags', () => {
  test('lists come by comma or by repeating', () => {
    expect(runFlags(['--only', 'a,b', '--only=c', '--level', 'reach'], {})).toMatchObject({
      only: ['a', 'b', 'c'],
      levels: ['reach'],
    });
  });
  test('the environment gives phase and overlay where no flag does', () => {
    expect(runFlags([], { PHASE: 'p.yaml', ASSAY_ENV: 'e' })).toMatchObject({ phase: 'p.yaml', env: 'e' });
    expect(runFlags(['--phase', 'q.yaml'], { PHASE: 'p.yaml' }).phase).toBe('q.yaml');
  });
  test.each([
    [['--onyl', 'a'], 'unknown flag --onyl. Did you mean --only?'],
    [['--level', 'serv'], '--level serv: no such level. Did you mean serve?'],
    [['--wait', 'soon'], '--wait soon: not a duration'],
    [['--wait', '2h'], '--wait 2h: longer than 90m'],
    [['--now', 'yesterday'], '--now yesterday: write it like 2025-10-24T04:35:00Z'],
    [['--phase'], "Option '--phase <value>' argument missing"],
    [['stray'], "Unexpected argument 'stray'"],
  ])('%j is refused with what mends it', (argv, message) => {
    expect(() => runFlags(argv, {})).toThrow(message);
  });
});

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['0.5s', 500],
])('%s is %d ms', (text, ms) => expect(duration('--wait', text)).toBe(ms));

test.each(['', '10', 'm', '5 m', '10m!'])('%j is no duration', (text) =>
  expect(() => duration('--wait', text)).toThrow('not a duration'),
);

test('npm test keeps its own flags and leaves the rest to vitest', () => {
  expect(splitTestArguments(['suites/kafka', '--only', 'a', '-t', 'x', '--level=reach', '--read-only'])).toEqual({
    ours: ['--only', 'a', '--level=reach', '--read-only'],
    vitest: ['suites/kafka', '-t', 'x'],
  });
});
