import type { Connection } from 'mysql2';
import { z } from 'zod';
import type { Diagnosis } from '../../../reports/model.ts';
import { BUDGETS } from '../../budgets.ts';
import { wrongProduct } from '../../diagnose/doris.ts';
import { Finding } from '../../diagnose/finding.ts';
import { within } from '../../poll.ts';
import type { Target } from '../../service.ts';
import { type HttpAnswer, jsonOf, openHttp } from '../../wire/http.ts';
import type { Login } from '../../wire/mysql.ts';

/** One row of a statement, by column. Numbers that JavaScript can't hold, dates and all that SHOW tells come as text. */
export type Row = Readonly<Record<string, string | number | null>>;

/**
 * The value of a column by its name, whatever its place. Versions differ in their columns: one that is missing is told as such.
 * @param names the column, and what other versions call it
 * @throws Finding
 */
export function column(row: Row, statement: string, ...names: readonly [string, ...string[]]): string {
  const found = names.find((name) => name in row);
  if (found !== undefined) return String(row[found] ?? '');
  throw new Finding({
    class: 'wrong-product',
    cause: `${statement} has no column ${names.join(' or ')}: this version of Doris is another than the suite knows`,
    remedy: 'report the version with the columns below, so that the suite learns it',
    evidence: `columns: ${Object.keys(row).join(', ')}`,
  });
}

export interface Backend {
  readonly id: string;
  /** host:port of its web server, as loads are redirected to it. */
  readonly address: string;
  readonly alive: boolean;
  readonly row: Row;
}

export function backendOf(row: Row): Backend {
  const host = column(row, 'SHOW BACKENDS', 'Host', 'IP');
  return {
    id: column(row, 'SHOW BACKENDS', 'BackendId'),
    address: `${host}:${column(row, 'SHOW BACKENDS', 'HttpPort')}`,
    // The text, not a boolean: "false" is true.
    alive: column(row, 'SHOW BACKENDS', 'Alive') === 'true',
    row,
  };
}

/** The one that is dead, as the subject of a finding; nothing where none or several are. */
export function deadBackend(backends: readonly Backend[]): Pick<Diagnosis, 'subject'> {
  const [first, ...others] = backends.filter(({ alive }) => !alive);
  return first && others.length === 0 ? { subject: `BE at ${first.address}` } : {};
}

export const loginOf = ({ component, secrets }: Target): Login => ({
  user: component.credentials?.user ?? 'root',
  password: secrets.password ?? '',
});

export const addresses = ({ component }: Target, endpoint: string): readonly string[] =>
  component.endpoints[endpoint] ?? [];

export async function statement(connection: Connection, sql: string, signal: AbortSignal): Promise<Row[]> {
  const [rows] = await within(connection.promise().query({ sql, timeout: BUDGETS.attempt }), signal);
  return Array.isArray(rows) ? (rows as Row[]) : [];
}

const NAMES = /\b(doris|selectdb|velodb)\b/i;

/**
 * Source: Doris GlobalVariable.java: version_comment is `Doris version <build>`, in 4.x in lower case, with `(Cloud Mode)` behind it where
 * storage is decoupled.
 * @throws Finding where another product answers
 */
export async function buildOf(
  ask: (sql: string) => Promise<Row[]>,
  who: string,
  greeting = 'a server of MySQL',
): Promise<string> {
  const [row] = await ask('SELECT @@version_comment');
  const comment = String(Object.values(row ?? {})[0] ?? '');
  if (!NAMES.test(comment)) {
    const seen = `it greets as ${greeting} and calls itself ${comment || 'nothing'}`;
    throw new Finding(wrongProduct(who, seen, `version_comment: ${comment}`));
  }
  return comment.replace(/^(apache )?doris version /i, '');
}

/** What a node says of itself that is not well: by the body, since the status is 200 whatever it says. */
export const notReady = (who: string, body: Readonly<Record<string, unknown>>): Diagnosis => ({
  class: 'slow',
  cause: `${who} runs and is not ready: ${String(body.msg ?? body.status ?? 'it does not say why')}`,
  remedy: 'wait for it to start or to replay its journal; if it stays so, look into its log',
  evidence: JSON.stringify(body).slice(0, 500),
  subject: who,
});

export async function ask(
  target: Target,
  address: string,
  path: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const plain = { ...target, component: { ...target.component, tls: null } };
  await using http = await openHttp(address, plain, null, BUDGETS.connect);
  const { user, password } = loginOf(target);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  let answer = await http.answer('GET', path, signal);
  // With enable_all_http_auth even a health check takes a login.
  const ours = [...addresses(target, 'http'), ...addresses(target, 'be')].includes(address);
  if (ours && isUnauthorized(answer)) answer = await http.answer('GET', path, signal, { headers: { authorization } });
  return jsonOf(answer, z.record(z.string(), z.unknown()));
}

const isUnauthorized = ({ status, text }: HttpAnswer): boolean => status === 401 || /"code"\s*:\s*401\b/.test(text);
