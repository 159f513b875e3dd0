import { expect, test } from 'vitest';
import { evidenceOf, passed } from '../reports/evidence.fixture.ts';
import { longestChain } from './timing.ts';

test('the longest chain follows needs and begins at the door', () => {
  const { phase, catalogue, doors, checks } = evidenceOf([
    {
      id: 'kafka',
      weight: 1,
      door: { check: 'kafka.reach', durationMs: 50 },
      checks: [
        ['kafka.reach', 'reach', passed()],
        ['kafka.create', 'round-trip', passed()],
        ['kafka.trip', 'round-trip', passed()],
        ['kafka.other', 'serve', passed()],
      ],
    },
  ]);
  const needing = {
    kafka: (catalogue.kafka ?? []).map((entry) =>
      entry.id === 'kafka.trip' ? { ...entry, needs: ['kafka.create'] } : entry,
    ),
  };
  const timed = checks.map((record) => (record.check === 'kafka.other' ? { ...record, durationMs: 140 } : record));
  expect(longestChain(phase, needing, doors, timed)).toEqual({
    checks: ['kafka/kafka.reach', 'kafka/kafka.create', 'kafka/kafka.trip'],
    ms: 250,
  });
});
