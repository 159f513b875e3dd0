import { describe, expect, test } from 'vitest';
import { blocked, evidenceOf, failed, passed } from '../reports/evidence.fixture.ts';
import type { CheckRecord } from '../reports/model.ts';
import { askedComponents, completeRecords, scopeOf } from './selection.ts';

const { phase, catalogue, checks, doors } = evidenceOf([
  {
    id: 'kafka',
    weight: 1,
    door: {
      check: 'kafka.reach',
      state: 'closed',
      diagnosis: { class: 'refused', cause: 'down', remedy: 'up', evidence: 'x' },
    },
    checks: [
      ['kafka.reach', 'reach', failed('down')],
      ['kafka.trip', 'round-trip', blocked('kafka', 'kafka.reach')],
    ],
  },
  { id: 'datahub', weight: 1, checks: [['datahub.reach', 'reach', passed()]] },
]);
const withNeeds = {
  ...phase,
  components: phase.components.map((each) => (each.id === 'datahub' ? { ...each, needs: ['kafka'] } : each)),
};
const everything = { only: [], levels: [], names: [] };
const only = (records: readonly CheckRecord[], id: string): CheckRecord[] =>
  records.filter(({ check }) => check === id);

describe('the doors to knock at', () => {
  test('are all of them where nothing is selected', () => {
    expect(askedComponents(withNeeds, everything).map(({ id }) => id)).toEqual(['kafka', 'datahub']);
  });
  test('are those of the selection and of what it needs', () => {
    expect(askedComponents(withNeeds, { ...everything, only: ['datahub'] })).toHaveLength(2);
    expect(askedComponents(withNeeds, { ...everything, only: ['kafka'] }).map(({ id }) => id)).toEqual(['kafka']);
  });
});

test('a run that selects nothing has no scope', () => {
  expect(scopeOf(everything)).toBeNull();
  expect(scopeOf({ ...everything, names: ['x'] })).toEqual({ only: [], levels: [], names: ['x'] });
});

test('the door that holds a selected check back is recorded, though nobody selected it', () => {
  const complete = completeRecords(phase, catalogue, doors, only(checks, 'kafka.trip'), {
    ...everything,
    names: ['trip'],
  });
  expect(only(complete, 'kafka.reach')[0]?.outcome).toMatchObject({ status: 'failed', diagnosis: { cause: 'down' } });
  expect(only(complete, 'datahub.reach')[0]?.outcome).toMatchObject({ status: 'unobserved', notSelected: true });
});

test('without a selection a check that is missing stays missing', () => {
  expect(completeRecords(phase, catalogue, doors, only(checks, 'datahub.reach'), null)).toHaveLength(1);
});
