import { z } from 'zod';
import type { Component, Diagnosis } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseDetail, diagnoseDoris } from '../diagnose/doris.ts';
import { Finding } from '../diagnose/finding.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { objective } from '../objective.ts';
import { within } from '../poll.ts';
import { removeUntilGone } from '../removal.ts';
import type { Left, ScratchEntry, Service, Target } from '../service.ts';
import { connectMysql, type Login } from '../wire/mysql.ts';
import { type LoadAnswer, put } from '../wire/stream-load.ts';
import {
  addresses,
  ask,
  type Backend,
  backendOf,
  buildOf,
  column,
  loginOf,
  type Row,
  statement,
} from './doris/answers.ts';
import { knock } from './doris/door.ts';
import { Sessions } from './doris/sessions.ts';

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
