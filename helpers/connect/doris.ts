import type { Connection } from 'mysql2';
import { z } from 'zod';
import type { Component, Diagnosis, Observation } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseDetail, diagnoseDoris, wrongProduct } from '../diagnose/doris.ts';
import { Finding } from '../diagnose/finding.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { describe } from '../diagnose/outcome.ts';
import { objective } from '../objective.ts';
import { within } from '../poll.ts';
import { removeUntilGone } from '../removal.ts';
import type { Knock, Left, ScratchEntry, Service, Target } from '../service.ts';
import { type HttpAnswer, jsonOf, openHttp } from '../wire/http.ts';
import { connectMysql, type Login } from '../wire/mysql.ts';
import { type LoadAnswer, put } from '../wire/stream-load.ts';

/** One row of a statement, by column. Numbers that JavaScript can't hold, dates and all that SHOW tells come as text. */
export type Row = Readonly<Record<string, string | number | null>>;

export interface LoadOptions {
  readonly database: string;
  readonly table: string;
  readonly label: string;
  readonly rows: readonly object[];
  /** Further headers of stream load, such as two_phase_commit. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** mysql2 and stream load as the checks use them: no retries, everything bounded. */
export interface DorisClient extends AsyncDisposable {
  /** As the front end names it, such as doris-3.0.8-rc01; null: it does not say. */
  readonly build: string | null;
  /** Storage and compute are decoupled: copies of data are the object store's affair. */
  readonly decoupled: boolean;
  /** One statement by the text protocol. */
  query(sql: string, signal: AbortSignal): Promise<Row[]>;
  /** One statement prepared by the server, on a session of its own. */
  execute(sql: string, values: readonly (string | number)[], signal: AbortSignal): Promise<Row[]>;
  /** Creates the database if need be; then the table, as many copies of it as there are live back ends, at most three. */
  createTable(table: NewTable, signal: AbortSignal): Promise<{ readonly copies: number }>;
  /** What SHOW BACKENDS tells. */
  backends(signal: AbortSignal): Promise<Backend[]>;
  streamLoad(options: LoadOptions, signal: AbortSignal): Promise<LoadAnswer>;
  /** Second phase of a stream load with two_phase_commit. */
  finish(
    database: string,
    table: string,
    txn: number,
    verb: 'commit' | 'abort',
    signal: AbortSignal,
  ): Promise<LoadAnswer>;
  /** The JSON of an HTTP answer at a declared address; FE and BE get our credentials if they ask for some. */
  http(address: string, path: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  /** Whether these credentials are let in. Throws for everything else than their refusal. */
  letsIn(login: Login, signal: AbortSignal): Promise<boolean>;
}

export interface NewTable {
  readonly database: string;
  readonly table: string;
  /** What stands in the parentheses. */
  readonly columns: string;
  /** Such as DUPLICATE KEY(k). */
  readonly model: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Column of the distribution, in one bucket. */
  readonly by: string;
}

const Settings = z.object({
  dorisCluster: z
    .strictObject({
      namespace: z.string().min(1).describe('its namespace'),
      name: z.string().min(1).describe('its name'),
    })
    .optional()
    .describe("{ namespace, name } of the operator's DorisCluster, asked at the endpoint `operator`"),
  objectives: z
    .strictObject({ pointQueryP99: objective('milliseconds of a query by key, the 99th percentile').optional() })
    .optional()
    .describe('a map of what performance checks must reach'),
});

export const settingsOf = ({ settings }: Component): z.output<typeof Settings> => Settings.parse(settings);

export const service: Service<'doris', DorisClient> = {
  type: 'doris',
  title: 'Apache Doris',
  unit: 'pods',
  roles: ['fe', 'be'],
  weight: 11,
  endpoints: {
    query: { port: 9030, about: 'query_port of each FE: the MySQL protocol, with `tls` where the phase file gives it' },
    http: { port: 8030, about: 'http_port of each FE' },
    be: { port: 8040, about: 'webserver_port of each BE, as SHOW BACKENDS names it' },
    operator: {
      port: null,
      about: 'a Kubernetes API that asks for no credentials, such as that of kubectl proxy; for `dorisCluster`',
      optional: true,
    },
  },
  needs: [],
  door: 'doris.fe.reach',
  settings: Settings,
  knock,
  open,
  diagnose: (error, { component }) => diagnoseDoris(error, component.title),
  sweep,
  present,
};

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

function backendOf(row: Row): Backend {
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

const loginOf = ({ component, secrets }: Target): Login => ({
  user: component.credentials?.user ?? 'root',
  password: secrets.password ?? '',
});

const addresses = ({ component }: Target, endpoint: string): readonly string[] => component.endpoints[endpoint] ?? [];

interface Seen {
  readonly address: string;
  readonly build: string | null;
  /** Null: our user may not see them. */
  readonly frontends: { readonly alive: number; readonly all: number } | null;
  readonly backends: { readonly alive: number; readonly all: number } | null;
}

async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const { component, route } = target;
  const name = (address: string): string => `FE at ${address}`;
  const attempt = async <T>(address: string, work: () => Promise<T>) =>
    work().then(
      (seen) => ({ address, seen, diagnosis: null }),
      (error: unknown) => ({ address, seen: null, diagnosis: diagnoseDoor(error, name(address)) }),
    );
  const [queries, rests] = await Promise.all([
    Promise.all(addresses(target, 'query').map((each) => attempt(each, () => look(target, each, signal)))),
    Promise.all(addresses(target, 'http').map((each) => attempt(each, () => bootstrapped(target, each, signal)))),
  ]);
  const shut = [...queries, ...rests].flatMap(({ diagnosis }) => diagnosis ?? []);
  const first = queries.find(({ seen }) => seen !== null)?.seen ?? null;
  const roles = first?.frontends && first.backends ? { fe: first.frontends.alive, be: first.backends.alive } : null;
  const ours = shut.length > 0 && shut.every((each) => each.class === 'our-side' || each.class === 'authorization');
  const [worst] = shut;
  return {
    state: first ? 'open' : ours ? 'unobserved' : 'closed',
    diagnosis: worst
      ? { ...worst, ...hint(queries, rests), evidence: shut.map(({ evidence }) => evidence).join('; ') }
      : null,
    endpoints: Object.values(component.endpoints)
      .flat()
      .map((logical) => ({ logical, dialled: route.dial(logical), path: route.path })),
    version: first?.build ?? null,
    achieved: roles ? achieved(roles, component.roles) : first || ours ? null : 0,
    ...(roles ? { roles } : {}),
    observed: {
      ...(first ? { build: first.build, frontends: first.frontends, backends: first.backends } : {}),
      answers: Object.fromEntries(
        [...queries, ...rests].map(({ address, diagnosis }) => [address, diagnosis?.evidence ?? 'answered']),
      ),
    },
  };
}

interface Attempt {
  readonly address: string;
  readonly diagnosis: Diagnosis | null;
}

/** An FE that answers HTTP and refuses MySQL is not gone: it has no master to follow, or is still replaying. */
function hint(queries: readonly Attempt[], rests: readonly Attempt[]): Partial<Diagnosis> {
  const refused = queries.filter(({ diagnosis }) => diagnosis?.class === 'refused');
  if (refused.length === 0 || rests.some(({ diagnosis }) => diagnosis !== null)) return {};
  return {
    remedy:
      'the FE answers HTTP, so it runs: it is still replaying its journal or finds no master; look into fe.log, then for the other FEs',
  };
}

/** More of one role does not make up for too few of another. */
const achieved = (
  seen: Readonly<Record<string, number>>,
  promised: Readonly<Record<string, number>> | undefined,
): number => Object.entries(seen).reduce((sum, [role, count]) => sum + Math.min(count, promised?.[role] ?? count), 0);

function diagnoseDoor(error: unknown, who: string): Diagnosis {
  const known = (error instanceof Finding ? error.diagnosis : null) ?? diagnoseDoris(error, who);
  return {
    ...(known ?? {
      class: 'unexplained',
      cause: `${who} does not let us in`,
      remedy: 'read the evidence and fe.log',
      evidence: describe(error),
    }),
    subject: who,
  };
}

/** Logs in, makes sure that it is Doris, and counts its nodes by the front end's own metadata: a SELECT would need a back end. */
async function look(target: Target, address: string, signal: AbortSignal): Promise<Seen> {
  const { connection, serverVersion } = await connectMysql(target, address, loginOf(target), signal);
  try {
    const ask = (sql: string): Promise<Row[]> => statement(connection, sql, signal);
    const build = await buildOf(ask, `FE at ${address}`, serverVersion);
    const [frontends, backends] = await Promise.all([
      mayBeDenied(ask('SHOW FRONTENDS')),
      mayBeDenied(ask('SHOW BACKENDS')),
    ]);
    return {
      address,
      build,
      frontends: frontends && {
        alive: frontends.filter((row) => column(row, 'SHOW FRONTENDS', 'Alive') === 'true').length,
        all: frontends.length,
      },
      backends: backends && {
        alive: backends.map(backendOf).filter(({ alive }) => alive).length,
        all: backends.length,
      },
    };
  } finally {
    connection.destroy();
  }
}

/** Only an administrator sees the nodes. */
async function mayBeDenied(rows: Promise<Row[]>): Promise<Row[] | null> {
  try {
    return await rows;
  } catch (error) {
    if (diagnoseDoris(error, '')?.class === 'authorization') return null;
    throw error;
  }
}

const NAMES = /\b(doris|selectdb|velodb)\b/i;

/**
 * Source: Doris GlobalVariable.java: version_comment is `Doris version <build>`, in 4.x in lower case, with `(Cloud Mode)` behind it where
 * storage is decoupled.
 * @throws Finding where another product answers
 */
async function buildOf(
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

/** @throws Finding where it is not started or not a front end */
async function bootstrapped(target: Target, address: string, signal: AbortSignal): Promise<Observation> {
  const body = await ask(target, address, '/api/bootstrap', signal);
  if (body.code === 0) return { code: 0 };
  throw new Finding(notReady(`FE at ${address}`, body));
}

/** What a node says of itself that is not well: by the body, since the status is 200 whatever it says. */
export const notReady = (who: string, body: Readonly<Record<string, unknown>>): Diagnosis => ({
  class: 'slow',
  cause: `${who} runs and is not ready: ${String(body.msg ?? body.status ?? 'it does not say why')}`,
  remedy: 'wait for it to start or to replay its journal; if it stays so, look into its log',
  evidence: JSON.stringify(body).slice(0, 500),
  subject: who,
});

async function ask(
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

async function statement(connection: Connection, sql: string, signal: AbortSignal): Promise<Row[]> {
  const [rows] = await within(connection.promise().query({ sql, timeout: BUDGETS.attempt }), signal);
  return Array.isArray(rows) ? (rows as Row[]) : [];
}

async function open(target: Target, signal: AbortSignal): Promise<DorisClient> {
  const sessions = new Sessions(target);
  const query: DorisClient['query'] = (sql, cancel) =>
    sessions.use((connection) => statement(connection, sql, cancel), cancel);
  const build = await buildOf((sql) => query(sql, signal), target.component.title);
  const backends: DorisClient['backends'] = async (cancel) => (await query('SHOW BACKENDS', cancel)).map(backendOf);
  const send = async (
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    cancel: AbortSignal,
  ): Promise<LoadAnswer> => {
    const known = new Set([...addresses(target, 'be'), ...(await backends(cancel)).map(({ address }) => address)]);
    const frontend = beside(sessions.address, addresses(target, 'http'));
    const { dial } = target.route;
    const login = loginOf(target);
    return put({ frontend, path, headers, body, login, dial, isBackend: (address) => known.has(address) }, cancel);
  };
  return {
    build,
    decoupled: /cloud mode/i.test(build),
    query,
    backends,
    async execute(sql, values, cancel) {
      const { connection } = await connectMysql(target, sessions.address, loginOf(target), cancel);
      try {
        const answer = connection.promise().execute({ sql, timeout: BUDGETS.attempt }, [...values]);
        const [rows] = await within(answer, cancel);
        return rows as Row[];
      } finally {
        connection.destroy();
      }
    },
    async createTable({ database, table, columns, model, by, properties = {} }, cancel) {
      const alive = (await backends(cancel)).filter((backend) => backend.alive).length;
      const copies = Math.max(1, Math.min(3, alive));
      await query(`CREATE DATABASE IF NOT EXISTS \`${database}\``, cancel);
      const all = Object.entries({ replication_num: copies, ...properties }).map(
        ([key, value]) => `"${key}" = "${value}"`,
      );
      const distributed = `DISTRIBUTED BY HASH(${by}) BUCKETS 1 PROPERTIES(${all.join(', ')})`;
      await query(`CREATE TABLE \`${database}\`.\`${table}\` (${columns}) ${model} ${distributed}`, cancel);
      return { copies };
    },
    streamLoad({ database, table, label, rows, headers = {} }, cancel) {
      const fixed = { label, format: 'json', strip_outer_array: 'true' };
      return send(`/api/${database}/${table}/_stream_load`, { ...fixed, ...headers }, JSON.stringify(rows), cancel);
    },
    finish(database, table, txn, verb, cancel) {
      const headers = { txn_id: String(txn), txn_operation: verb };
      return send(`/api/${database}/${table}/_stream_load_2pc`, headers, '', cancel);
    },
    async http(address, path, cancel) {
      try {
        return await ask(target, address, path, cancel);
      } catch (error) {
        const subject = nodeAt(target, address);
        const known = diagnoseHttp(error, subject);
        throw known ? new Finding({ ...known, subject }) : error;
      }
    },
    async letsIn(login, cancel) {
      try {
        const { connection } = await connectMysql(target, sessions.address, login, cancel);
        connection.destroy();
        return true;
      } catch (error) {
        if (refusal(error) === ACCESS_DENIED) return false;
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => sessions.close(),
  };
}

function nodeAt(target: Target, address: string): string {
  const role = ['http', 'be'].find((endpoint) => addresses(target, endpoint).includes(address));
  return `${role === 'http' ? 'FE' : role === 'be' ? 'BE' : 'Kubernetes API'} at ${address}`;
}

const ACCESS_DENIED = 1045;

/** Number of the server's error; null where it is not the server that refused. Node's own numbers are negative. */
function refusal(error: unknown): number | null {
  const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : 0;
  return errno > 0 ? errno : null;
}

/** The one on the same host, where there is one. */
const beside = (address: string, others: readonly string[]): string =>
  others.find((other) => other.slice(0, other.lastIndexOf(':')) === address.slice(0, address.lastIndexOf(':'))) ??
  others[0] ??
  '';

/** Sessions with the first front end that lets us in. A statement has one to itself; those that are idle are used again. */
class Sessions {
  readonly #target: Target;
  readonly #idle: Connection[] = [];
  #address: string | null = null;

  constructor(target: Target) {
    this.#target = target;
  }

  get address(): string {
    return this.#address ?? addresses(this.#target, 'query')[0] ?? '';
  }

  async use<T>(work: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T> {
    const connection = this.#idle.pop() ?? (await this.#connect(signal));
    let sound = false;
    try {
      const result = await work(connection);
      sound = true;
      return result;
    } catch (error) {
      // What the server refused leaves the session as it was.
      sound =
        typeof (error as { errno?: unknown }).errno === 'number' && Number((error as { errno: number }).errno) > 0;
      throw error;
    } finally {
      if (sound) this.#idle.push(connection);
      else connection.destroy();
    }
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const all = addresses(this.#target, 'query');
    let failure: unknown;
    for (const address of this.#address === null ? all : [this.#address]) {
      try {
        const { connection } = await connectMysql(this.#target, address, loginOf(this.#target), signal);
        this.#address = address;
        connection.once('end', () => this.#forget(connection)).once('error', () => this.#forget(connection));
        return connection;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  #forget(connection: Connection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

/** What came of a load that did not succeed, by its message. */
export function loadFailure(body: Readonly<Record<string, unknown>>, by: string, title: string): Diagnosis {
  const said = String(body.Message ?? body.msg ?? body.data ?? 'no message');
  const evidence = JSON.stringify(body).slice(0, 1_000);
  const known = diagnoseDetail(said, title);
  if (known) return { ...known, evidence };
  return {
    class: 'data-wrong',
    cause: `a stream load comes to ${String(body.Status ?? body.status)}: ${said}`.slice(0, 300),
    remedy: 'follow ErrorURL in the evidence, if there is one; else be.INFO of the node that took the load',
    evidence: `${by}: ${evidence}`,
  };
}

function sweep(client: DorisClient, entries: readonly ScratchEntry[], signal: AbortSignal): Promise<Left[]> {
  return removeUntilGone(
    entries,
    () => databases(client, signal),
    (names) => Promise.all(names.map((name) => client.query(`DROP DATABASE IF EXISTS \`${name}\` FORCE`, signal))),
    signal,
  );
}

async function databases(client: DorisClient, signal: AbortSignal): Promise<string[]> {
  return (await client.query('SHOW DATABASES', signal)).map((row) => column(row, 'SHOW DATABASES', 'Database'));
}

async function present(client: DorisClient, signal: AbortSignal): Promise<{ kind: string; name: string }[]> {
  return (await databases(client, signal)).map((name) => ({ kind: 'database', name }));
}
