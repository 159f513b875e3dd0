import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadServices } from './services.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-'));
});
afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);

test('finds what exports a service, sorted by type, and nothing else', async () => {
  await put('zebra.ts', "export const service = { type: 'alpha' };");
  await put('aardvark.ts', "export const service = { type: 'omega' };");
  await put('helper.ts', 'export const other = 1;');
  await put('zebra.test.ts', "throw new Error('not to be loaded');");
  await put('README.md', '');
  expect([...(await loadServices(folder)).keys()]).toEqual(['alpha', 'omega']);
});

test('two of one type are an error', async () => {
  await put('a.ts', "export const service = { type: 'kafka' };");
  await put('b.ts', "export const service = { type: 'kafka' };");
  await expect(loadServices(folder)).rejects.toThrow('same type');
});

test('every real service says what it is by its own ids', async () => {
  for (const [type, { door, title, endpoints }] of await loadServices()) {
    expect(door.startsWith(`${type}.`), type).toBe(true);
    expect(title, type).not.toBe('');
    expect(
      Object.values(endpoints).every(({ about }) => about !== ''),
      type,
    ).toBe(true);
  }
});
