import type { Diagnosis } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { causes, HUNG_UP, type Rule, SILENT, STALLED } from './wire.ts';

/** The driver has no time-out for an answer, so this stands for it. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** How many milliseconds after its time the timer fired: a measure of our own stall. */
  readonly late: number;
  constructor(what: string, ms: number, late: number) {
    super(`${what}: no answer within ${ms} ms`);
    this.late = late;
  }
}

/**
 * Status codes of Neo4j, the longest prefix first. Source: Neo4j Status Codes 4.4 and 5 (neo4j.com/docs/status-codes); the texts of the
 * service were read off a 4.4.26.
 */
const STATUS: readonly (readonly [prefix: string, rule: Rule])[] = [
  [
    'Neo.ClientError.Security.AuthenticationRateLimit',
    {
      class: 'authentication',
      cause: 'the user is locked for some seconds after too many wrong passwords',
      remedy: 'find who logs in with an old password; run again when it is stopped',
    },
  ],
  [
    'Neo.ClientError.Security.CredentialsExpired',
    {
      class: 'authentication',
      cause: 'the user must change its password before anything else',
      remedy: 'ALTER CURRENT USER SET PASSWORD on the database system, and put the new one where the phase file says',
    },
  ],
  [
    'Neo.ClientError.Security.Forbidden',
    {
      class: 'authorization',
      cause: 'our user may not do what this check does',
      remedy: "grant the suite's user what the README lists",
    },
  ],
  [
    'Neo.ClientError.Security',
    {
      class: 'authentication',
      cause: 'the server refuses the declared credentials',
      remedy:
        'check `credentials` of the phase file; NEO4J_AUTH counts on the first start only, afterwards the password is the one in the data volume',
    },
  ],
  [
    'Neo.ClientError.Database.DatabaseNotFound',
    {
      class: 'misconfigured',
      cause: 'the declared database does not exist',
      remedy: 'check `database` in the phase file; the community edition has one user database',
    },
  ],
  [
    'Neo.ClientError.Procedure.ProcedureNotFound',
    {
      class: 'authorization',
      cause: 'the server does not offer us a procedure that this check calls',
      remedy: 'look at dbms.security.procedures.allowlist',
    },
  ],
  [
    'Neo.ClientError.Transaction.BookmarkTimeout',
    {
      class: 'slow',
      cause: 'the server has not come as far as a transaction that it acknowledged',
      remedy: 'look at the lag of this member in SHOW DATABASES, and for a store that was put back to an earlier state',
    },
  ],
  [
    'Neo.TransientError.Database.DatabaseUnavailable',
    {
      class: 'crash',
      cause: 'the database is not online',
      remedy: 'read its line in SHOW DATABASES and neo4j.log: a store that needs an upgrade, a full or damaged volume',
    },
  ],
  [
    'Neo.ClientError.General.ForbiddenOnReadOnlyDatabase',
    {
      class: 'misconfigured',
      cause: 'the database takes no writes',
      remedy: 'look at dbms.databases.read_only (server.databases.read_only from 5 on)',
    },
  ],
  [
    'Neo.ClientError.General.WriteOnReadOnlyAccessDatabase',
    {
      class: 'misconfigured',
      cause: 'the database takes no writes',
      remedy: 'look at dbms.databases.read_only (server.databases.read_only from 5 on)',
    },
  ],
  [
    'Neo.ClientError.Cluster.NotALeader',
    {
      class: 'quorum-lost',
      cause: 'the member that was asked does not lead the database',
      remedy: 'name the leader in the phase file, and look whether the cluster has one',
    },
  ],
  [
    'Neo.ClientError.Transaction.TransactionTimedOut',
    {
      class: 'slow',
      cause: 'a transaction was ended by its time limit',
      remedy: 'look for long locks and a full heap',
    },
  ],
  [
    'Neo.TransientError.General.MemoryPoolOutOfMemoryError',
    {
      class: 'slow',
      cause: 'the memory for transactions is used up',
      remedy: 'look for large transactions and the heap',
    },
  ],
  [
    'Neo.TransientError.General.OutOfMemoryError',
    { class: 'crash', cause: 'the heap is used up', remedy: 'raise the heap within the memory limit of the pod' },
  ],
  [
    'Neo.TransientError',
    {
      class: 'slow',
      cause: 'the server asks to try again later',
      remedy: 'run again; if it stays so, read the evidence and the log of the service',
    },
  ],
];

/** What the driver says itself, in its own words: neo4j-driver 6.3. */
const DRIVER: readonly (readonly [text: RegExp, rule: Rule])[] = [
  [
    /Server responded HTTP/,
    {
      class: 'wrong-product',
      cause: 'what answers speaks HTTP, not Bolt',
      remedy: 'name the Bolt port (7687), not the HTTP port (7474)',
    },
  ],
  [
    /Unknown Bolt protocol version|does not support/,
    {
      class: 'wrong-product',
      cause: 'no version of Bolt is common to server and driver',
      remedy: 'check that the port is Bolt, and the version of the server against what neo4j-driver speaks',
    },
  ],
  [/Connection acquisition timed out|Server didn't respond/, SILENT],
  [
    /Failed to establish connection in/,
    {
      class: 'unreachable',
      cause: 'the address does not answer to TCP',
      remedy: 'look for a NetworkPolicy or firewall between here and there, or a node that is down',
    },
  ],
  [
    /certificate is not trusted|did not return any valid certificates/,
    {
      class: 'tls',
      cause: 'the certificate is not trusted',
      remedy: 'give the authority as `tls.ca` in the phase file, and dial a name of the certificate',
    },
  ],
  [/Connection was closed by server/, HUNG_UP],
];

const UNDECODABLE: Rule = {
  class: 'data-wrong',
  cause: 'an answer can not be decoded',
  remedy: 'look for a proxy or a faulty network between here and the server',
};

/** The status code that the server gave, such as Neo.ClientError.Statement.AccessMode; null: it gave none. */
export function statusCode(error: unknown): string | null {
  const codes = [...causes(error)].map((e) => ('code' in e ? String(e.code) : ''));
  return codes.find((code) => code.startsWith('Neo.')) ?? null;
}

/** What neo4j-driver threw, in the words of Neo4j; null when it is not Neo4j's to explain. */
export function diagnoseNeo4j(error: unknown, title: string): Diagnosis | null {
  for (const e of [...causes(error)].reverse()) {
    if (e instanceof NoAnswer) {
      const rule = e.late > BUDGETS.stall ? STALLED : SILENT;
      return { ...rule, cause: `${title}: ${rule.cause}`, evidence: e.message };
    }
    const code = 'code' in e && typeof e.code === 'string' ? e.code : '';
    const rule =
      STATUS.find(([prefix]) => code.startsWith(prefix))?.[1] ??
      (e.name === 'Neo4jError' ? DRIVER.find(([text]) => text.test(e.message))?.[1] : undefined) ??
      (code === 'ProtocolError' ? UNDECODABLE : undefined);
    if (rule) return { ...rule, cause: `${title}: ${rule.cause}`, evidence: `${code}: ${e.message}` };
  }
  return null;
}
