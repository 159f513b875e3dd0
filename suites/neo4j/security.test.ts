import { randomUUID } from 'node:crypto';
import { suite } from '../../helpers/check/suite.ts';
import { service } from '../../helpers/connect/neo4j.ts';
import { statusCode } from '../../helpers/diagnose/neo4j.ts';

const check = suite(service);

/** What the server refused with; null: it let us in. What it did not say is thrown on. */
const refusal = (asked: Promise<void>): Promise<string | null> =>
  asked.then(
    () => null,
    (error: unknown) => statusCode(error) ?? Promise.reject(error),
  );

check(
  'neo4j.security.strangers',
  {
    level: 'security',
    claim: 'Nobody is let in without credentials, or with those of a user that does not exist',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'set dbms.security.auth_enabled=true (NEO4J_AUTH is not none), and look for a proxy that logs everyone in',
    },
  },
  async ({ neo4j, expect, signal }) => {
    // Not our own user with a wrong password: three of those in a row lock out everyone who uses it.
    const stranger = { user: `assay-${randomUUID()}`, password: randomUUID() };
    const [anonymous, unknown] = await Promise.all([
      refusal(neo4j.askAs(null, signal)),
      refusal(neo4j.askAs(stranger, signal)),
    ]);
    const refused = 'Neo.ClientError.Security.Unauthorized';
    expect({ anonymous, unknown }, 'what a login comes to').toEqual({ anonymous: refused, unknown: refused });
    return { anonymous, unknown };
  },
);

/** Of every fresh server. Source: operations manual, "Initial password". */
const FIRST_LOGIN = { user: 'neo4j', password: 'neo4j' };

check(
  'neo4j.security.default-pw',
  {
    level: 'security',
    claim: 'The password that every fresh server has is refused',
    otherwise: {
      class: 'misconfigured',
      remedy: 'ALTER USER neo4j SET PASSWORD on the database system, and put the new one where the phase file says',
    },
  },
  async ({ neo4j, fail, signal }) => {
    const refused = await refusal(neo4j.askAs(FIRST_LOGIN, signal));
    if (refused === null)
      fail({ cause: 'everyone who knows the manual is let in', evidence: 'neo4j/neo4j is let in and may read' });
    if (refused === 'Neo.ClientError.Security.CredentialsExpired')
      fail({
        cause: 'the first password was never changed: whoever comes first sets it, and has the server',
        evidence: refused,
      });
    return { refused };
  },
);
