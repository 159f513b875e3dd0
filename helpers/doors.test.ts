import { expect, test } from 'vitest';
import type { CauseClass, Component } from '../reports/model.ts';
import { knockAll } from './doors.ts';
import { direct } from './route.ts';
import type { Target } from './service.ts';

const TARGET: Target = {
  component: { title: 'Store', endpoints: { http: ['a:1', 'b:1', 'c:1'] } } as unknown as Component,
  secrets: { password: null },
  route: direct('direct'),
};

/** Knocks at a, b and c; each answers its name, or throws the class of what keeps us out. */
async function knock(outcomes: Readonly<Record<string, CauseClass | 'in'>>) {
  const addresses = Object.keys(outcomes);
  return knockAll(
    TARGET,
    addresses,
    async (address) => {
      if (outcomes[address] !== 'in') throw outcomes[address];
      return address.toUpperCase();
    },
    (error, who) => ({ class: error as CauseClass, cause: `${who} is shut`, remedy: 'open it', evidence: `${error}` }),
  );
}

test('an open door has every answer and no diagnosis', async () => {
  const { answers, door } = await knock({ 'a:1': 'in', 'b:1': 'in' });
  expect(answers).toEqual([
    { address: 'a:1', answer: 'A:1' },
    { address: 'b:1', answer: 'B:1' },
  ]);
  expect(door).toMatchObject({ state: 'open', diagnosis: null });
  expect(door.endpoints.map(({ logical }) => logical)).toEqual(['a:1', 'b:1', 'c:1']);
});

test('one that is shut among others that are open is named', async () => {
  const { answers, door } = await knock({ 'a:1': 'in', 'b:1': 'refused' });
  expect(answers.length).toBe(1);
  expect(door).toMatchObject({
    state: 'open',
    diagnosis: { class: 'refused', cause: 'Store at b:1 is shut', subject: 'node at b:1' },
  });
});

test('where all are shut the first stands for all', async () => {
  const { door } = await knock({ 'a:1': 'refused', 'b:1': 'slow' });
  expect(door.state).toBe('closed');
  expect(door.diagnosis).toEqual({
    class: 'refused',
    cause: 'Store at a:1 is shut; none of the 2 addresses lets us in',
    remedy: 'open it',
    evidence: 'refused; slow',
  });
});

test('one address is the component itself', async () => {
  const { door } = await knock({ 'a:1': 'slow' });
  expect(door.diagnosis).toMatchObject({ cause: 'Store is shut' });
});

test('what is all our own fault was not observed', async () => {
  expect((await knock({ 'a:1': 'our-side', 'b:1': 'authorization' })).door.state).toBe('unobserved');
  expect((await knock({ 'a:1': 'our-side', 'b:1': 'refused' })).door.state).toBe('closed');
});
