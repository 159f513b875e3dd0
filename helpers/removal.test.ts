import { expect, test } from 'vitest';
import { removeEach, removeUntilGone } from './removal.ts';
import type { ScratchEntry } from './service.ts';

const entry = (name: string): ScratchEntry => ({ component: 'kafka', kind: 'topic', name });
const soon = (): AbortSignal => AbortSignal.timeout(2_000);

test('looks until what it deleted is gone, and asks for no more than what is left', async () => {
  const there = new Set(['a', 'b', 'other']);
  const asked: string[][] = [];
  const remove = async (names: string[]): Promise<void> => {
    asked.push(names);
    there.delete(names[0] ?? '');
  };
  expect(await removeUntilGone([entry('a'), entry('b')], async () => there, remove, soon())).toEqual([]);
  expect(asked).toEqual([['a', 'b'], ['b']]);
  expect([...there]).toEqual(['other']);
});

test('asks nothing of the service where there is nothing to remove', async () => {
  const never = (): Promise<never> => Promise.reject(new Error('was asked'));
  expect(await removeUntilGone([], never, never, soon())).toEqual([]);
});

test('tells what is left with the last reason, when the time is over and when the service can not be looked at', async () => {
  const stays = async (): Promise<string[]> => ['a'];
  const refuse = (): Promise<never> => Promise.reject(new Error('not yours'));
  expect(await removeUntilGone([entry('a'), entry('b')], stays, refuse, AbortSignal.timeout(50))).toEqual([
    { entry: entry('a'), why: 'Error: not yours' },
  ]);
  const blind = (): Promise<never> => Promise.reject(new Error('gone away'));
  expect(await removeUntilGone([entry('a')], blind, refuse, soon())).toEqual([
    { entry: entry('a'), why: 'Error: gone away' },
  ]);
});

test('removes side by side, and tells of those alone that could not be removed', async () => {
  const remove = async ({ name }: ScratchEntry): Promise<void> => {
    if (name === 'b') throw new Error('locked');
  };
  expect(await removeEach([entry('a'), entry('b')], remove)).toEqual([{ entry: entry('b'), why: 'Error: locked' }]);
});
