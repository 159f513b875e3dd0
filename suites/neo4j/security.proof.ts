import { loginAs } from '../../fixtures/faults/bolt-frames.ts';
import { type Fault, prove } from '../../helpers/check/proof.ts';
import { replaceCode } from './faults.ts';
import './security.test.ts';

/** A gateway before the server logs everyone in as our own user. */
const gateway: NonNullable<Fault['break']> = async ({ proxies, target: { component, secrets } }) =>
  proxies[0]?.rewrite(loginAs(component.credentials?.user ?? '', secrets.password ?? ''));

prove('neo4j.security.strangers', {
  fault: 'everyone is let in',
  expect: 'misconfigured',
  from: 'body',
  break: gateway,
});

prove('neo4j.security.default-pw', {
  fault: 'everyone is let in, with the first password too',
  expect: 'misconfigured',
  from: 'body',
  break: gateway,
});

prove('neo4j.security.default-pw', {
  fault: 'the first password waits to be changed',
  expect: 'misconfigured',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      replaceCode('Neo.ClientError.Security.Unauthorized', 'Neo.ClientError.Security.CredentialsExpired'),
    ),
});
