import { expect, test } from 'vitest';
import { scramLogin } from './scram.ts';

/** The exchange printed in RFC 7677, section 3. */
const RFC_7677 = {
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  challenge: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  final: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  answer: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

test('logs in as RFC 7677 prints it', async () => {
  const login = scramLogin('sha256', 'user', 'pencil', RFC_7677.nonce);
  expect(login.first()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  expect(await login.final(RFC_7677.challenge)).toBe(RFC_7677.final);
  expect(() => login.verify(RFC_7677.answer)).not.toThrow();
});

test('a server that does not know the password is found out', async () => {
  const login = scramLogin('sha256', 'user', 'pencil', RFC_7677.nonce);
  await login.final(RFC_7677.challenge);
  expect(() => login.verify('v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).toThrow(/knows the password/);
  expect(() => login.verify('e=other-error')).toThrow(/knows the password/);
});

test.each([
  ['a nonce of another login', 'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', /belong/],
  ['our own nonce and nothing added', 'r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', /belong/],
  ['too few rounds', 'r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1', /rounds/],
  ['no rounds', 'r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==', /rounds/],
])('refuses a challenge with %s', async (_, challenge, complaint) => {
  const login = scramLogin('sha256', 'user', 'pencil', RFC_7677.nonce);
  await expect(login.final(challenge)).rejects.toThrow(complaint);
});

test('commas and equals signs of a user do not end its name', () => {
  expect(scramLogin('sha512', 'a=b,c', 'x', 'n').first()).toBe('n,,n=a=3Db=2Cc,r=n');
});
