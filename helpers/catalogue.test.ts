import { expect, test } from 'vitest';
import { catalogueDrift, catalogueHash, loadCatalogue } from './catalogue.ts';

const entry = { id: 'kafka.x', level: 'reach', claim: 'it holds', needs: [], writes: [], disruptive: false } as const;

test('every id carries its component’s folder as prefix, and is there once', async () => {
  for (const [type, entries] of Object.entries(await loadCatalogue())) {
    const ids = entries.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id.startsWith(`${type}.`), id).toBe(true);
  }
});

test('the hash changes with whatever changes a score, and with nothing else', () => {
  const hash = catalogueHash({ kafka: [entry] });
  expect(catalogueHash({ kafka: [{ ...entry, claim: 'said better' }] })).toBe(hash);
  expect(catalogueHash({ kafka: [{ ...entry, level: 'serve' }] })).not.toBe(hash);
  expect(catalogueHash({ kafka: [entry, { ...entry, id: 'kafka.y' }] })).not.toBe(hash);
});

test('drift is told check by check', () => {
  expect(catalogueDrift('kafka', [entry], [entry])).toEqual([]);
  expect(catalogueDrift('kafka', [entry], [])).toEqual([
    'kafka.x is in suites/kafka/catalogue.json, and no suite file declares it',
  ]);
  expect(catalogueDrift('kafka', [], [entry])).toEqual(['kafka.x is not in suites/kafka/catalogue.json']);
  expect(catalogueDrift('kafka', [entry], [{ ...entry, claim: 'other' }])).toEqual([
    'kafka.x differs from suites/kafka/catalogue.json',
  ]);
});
