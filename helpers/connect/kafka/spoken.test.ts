import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { API_KEYS } from '../../wire/kafka.ts';
import { negotiated, SPOKEN, type SpokenApi } from './spoken.ts';

interface Library {
  readonly requests: Readonly<Record<string, { readonly versions: readonly string[] }>>;
}

test('the table is what the installed kafkajs implements', () => {
  const require = createRequire(import.meta.url);
  const { requests } = require('kafkajs/src/protocol/requests/index.js') as Library;
  const keys = require('kafkajs/src/protocol/requests/apiKeys.js') as Record<string, number>;
  const installed = Object.keys(SPOKEN).map((api) => {
    const name = Object.keys(keys).find((each) => keys[each] === API_KEYS[api as SpokenApi]) ?? '';
    const versions = (requests[name]?.versions ?? []).map(Number);
    expect(versions, `${api} has no gap`).toEqual(versions.map((_, at) => (versions[0] ?? 0) + at));
    return [api, [versions[0], versions.at(-1)]];
  });
  expect(SPOKEN).toEqual(Object.fromEntries(installed));
});

test.each([
  ['an older broker', { min: 0, max: 5 }, { version: 5, served: true }],
  ['a broker of our age', { min: 0, max: 7 }, { version: 7, served: true }],
  ['a newer broker that still serves ours', { min: 3, max: 12 }, { version: 7, served: true }],
  ['a newer broker that dropped ours', { min: 8, max: 12 }, { version: 7, served: false }],
  ['a broker without the API', undefined, { version: -1, served: false }],
])('Produce with %s', (_, served, expected) => {
  expect(negotiated('Produce', served)).toEqual(expected);
});

test('a broker older than the oldest version that we speak', () => {
  expect(negotiated('OffsetFetch', { min: 0, max: 0 })).toEqual({ version: 0, served: false });
});
