import { expect, test } from 'vitest';
import { evidenceOf, passed } from '../reports/evidence.fixture.ts';
import type { Catalogue, CatalogueCheck, CheckRecord } from '../reports/model.ts';
import { longestChain } from './timing.ts';

const entry = (id: string, rest: Partial<CatalogueCheck> = {}): CatalogueCheck => ({
  id,
  level: 'serve',
  claim: id,
  needs: [],
  writes: [],
  disruptive: false,
  ...rest,
});

const took = (component: string, check: string, durationMs: number): CheckRecord => ({
  component,
  check,
  outcome: passed(),
  attempts: 1,
  durationMs,
  startedMs: 0,
});

const { phase, doors } = evidenceOf([
  { id: 'one', weight: 1, checks: [] },
  { id: 'two', weight: 1, checks: [] },
]);
const open = doors.map((door) => ({ ...door, durationMs: 10 }));

const chain = (catalogue: Catalogue, records: readonly CheckRecord[]) => longestChain(phase, catalogue, open, records);

test('a chain is a door with checks that need one another; the longest of all components counts', () => {
  const catalogue = {
    one: [entry('one.a'), entry('one.b', { needs: ['one.a'] }), entry('one.c')],
    two: [entry('two.a')],
  };
  const records = [
    took('one', 'one.a', 100),
    took('one', 'one.b', 100),
    took('one', 'one.c', 150),
    took('two', 'two.a', 190),
  ];
  expect(chain(catalogue, records)).toEqual({ checks: ['one/one.reach', 'one/one.a', 'one/one.b'], ms: 210 });
});

test('checks that run alone stand behind all others, one after the other', () => {
  const catalogue = {
    one: [entry('one.a'), entry('one.fast', { level: 'performance' }), entry('one.last', { disruptive: true })],
    two: [entry('two.a'), entry('two.fast', { level: 'performance' })],
  };
  const records = [
    took('one', 'one.a', 100),
    took('one', 'one.fast', 5),
    took('one', 'one.last', 50),
    took('two', 'two.a', 200),
    took('two', 'two.fast', 7),
  ];
  expect(chain(catalogue, records)).toEqual({
    checks: ['two/two.reach', 'two/two.a', 'one/one.fast', 'one/one.last', 'two/two.fast'],
    ms: 272,
  });
});

test('nothing that ran is no chain', () => {
  expect(chain({}, [])).toEqual({ checks: [], ms: 0 });
});
