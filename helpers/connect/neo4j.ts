import type { Config, Driver, RoutingControl, Session, Transaction } from 'neo4j-driver';
import { z } from 'zod';
import type { Diagnosis } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { diagnoseNeo4j, NoAnswer } from '../diagnose/neo4j.ts';
import { describe } from '../diagnose/outcome.ts';
import { knockAll } from '../doors.ts';
import { objective } from '../objective.ts';
import type { Knock, Left, ScratchEntry, Service, Target } from '../service.ts';
import { openHttp } from '../wire/http.ts';

export type Row = Readonly<Record<string, unknown>>;

/**
 * neo4j-driver as the checks use it. One transaction each, tried once; integers are bigint. Reads see all earlier writes of the same
 * client (bookmarks).
 */
export interface Neo4jClient extends AsyncDisposable {
  /** Settings of the component: the database that the checks use. */
  readonly database: string;
  /** Of the server, as it says itself: 4 or 2026. */
  readonly major: number;
  read(query: string, parameters: Row, signal: AbortSignal, database?: string): Promise<Row[]>;
  write(query: string, parameters: Row, signal: AbortSignal): Promise<Row[]>;
  /** An explicit transaction in a session of its own. */
  begin(mode: 'read' | 'write', signal: AbortSignal, bookmarks?: readonly string[]): Promise<OpenTransaction>;
  /** Values of the server's settings; null: not set, and unknown to this version. */
  settings<Name extends string>(
    names: readonly Name[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<Name, string | null>>>;
  /** One query at an address that the server advertises, by our own login. Throws what the driver throws. */
  askAt(address: string, signal: AbortSignal): Promise<void>;
  /** One query by another login; null: with none. Throws what the driver throws. */
  askAs(login: Login | null, signal: AbortSignal): Promise<void>;
  /** What an HTTP endpoint says of itself at /, which needs no login. */
  discover(address: string, signal: AbortSignal): Promise<Row>;
}

/** A transaction that is open until one of its ends; disposing it rolls back what was not committed. */
export interface OpenTransaction extends AsyncDisposable {
  run(query: string, parameters: Row): Promise<Row[]>;
  /** Resolves to the bookmarks by which another session waits for it. */
  commit(): Promise<readonly string[]>;
  rollback(): Promise<void>;
}

/**
 * The label of every node of ours; its property `scratch` says whose it is. Tokens of labels and keys are never given back, so a label for
 * each run would stay behind for good.
 */
export const SCRATCH_LABEL = 'AssayScratch';

const names = z.array(z.union([z.string().min(1), z.array(z.string().min(1)).min(2)])).min(1);

/** As neo4j.conf and Kubernetes write sizes. */
const SIZE = /^(\d+(?:\.\d+)?) ?([kKmMgGtT]?)i?[bB]?$/;

/** Bytes of a size. Neo4j counts by 1024, whether it writes 16m or 16.00MiB. */
export function bytesOf(size: string): number {
  const [, count, unit = ''] = SIZE.exec(size) ?? [];
  if (count === undefined) throw new RangeError(`${size} is no size`);
  return Number(count) * 1_024 ** ['', 'k', 'm', 'g', 't'].indexOf(unit.toLowerCase());
}

const MOMENT = z.iso.date().or(z.iso.datetime({ offset: true }));

const Settings = z.object({
  database: z.string().min(1).default('neo4j').describe('the database that is used'),
  version: z
    .string()
    .exactOptional()
    .describe('the version that is promised, or its beginning, such as "4.4", in quotes'),
  edition: z.enum(['community', 'enterprise']).exactOptional().describe('the edition that is promised'),
  schema: z
    .record(
      z.string(),
      z.strictObject({
        unique: names
          .exactOptional()
          .describe(
            'properties that a uniqueness constraint is promised for; a list in it is one for all its properties together',
          ),
        indexed: names.exactOptional().describe('properties that an index is promised for; a list in it is one index'),
      }),
    )
    .exactOptional()
    .describe('what is promised of the nodes by label, such as { Dataset: { unique: [urn], indexed: [name] } }'),
  serverSettings: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .exactOptional()
    .describe('settings of neo4j.conf with the values that the server must have, by the names of its version'),
  memory: z
    .strictObject({
      limit: z
        .string()
        .regex(SIZE)
        .exactOptional()
        .describe('what the server may take in all: the memory limit of its pod, such as 4Gi'),
      pageCache: z.string().regex(SIZE).exactOptional().describe('the least page cache, such as 1g'),
    })
    .exactOptional()
    .describe('what is promised of its memory'),
  storeSince: z
    .string()
    .refine((text) => MOMENT.safeParse(text).success, 'is neither a date nor a date-time with its zone')
    .exactOptional()
    .describe(
      'a date or date-time from which on the store has been kept: one that was made later has lost what was in it',
    ),
  longestTransaction: z
    .number()
    .positive()
    .default(600)
    .describe('seconds after which an open transaction counts as forgotten; default 600'),
  objectives: z
    .strictObject({
      readP99: objective('milliseconds in which 99 of 100 nodes are read by their id').exactOptional(),
      commitP99: objective(
        'milliseconds in which 99 of 100 transactions that create a node are committed',
      ).exactOptional(),
    })
    .exactOptional()
    .describe('what the performance checks are measured against'),
});

export const service: Service<'neo4j', Neo4jClient> = {
  type: 'neo4j',
  title: 'Neo4j',
  unit: 'nodes',
  weight: 8,
  endpoints: {
    bolt: { port: 7687, about: 'Bolt, as drivers dial it' },
    http: { port: 7474, about: 'the HTTP API' },
  },
  needs: [],
  door: 'neo4j.reach.bolt',
  settings: Settings,
  knock,
  open,
  diagnose: (error, { component }) => diagnose(error, component.title),
  sweep,
  present,
};

const diagnose = (error: unknown, title: string): Diagnosis | null =>
  diagnoseNeo4j(error, title) ?? diagnoseHttp(error, title);

/** What the phase file says of this component in the words of its type. */
export const settingsOf = ({ component }: Pick<Target, 'component'>): z.infer<typeof Settings> =>
  Settings.parse(component.settings);

const boltAddresses = ({ component }: Target): readonly string[] => component.endpoints.bolt ?? [];

interface Login {
  readonly user: string;
  readonly password: string;
}

const loginOf = ({ component: { credentials }, secrets }: Target): Login | null =>
  credentials ? { user: credentials.user, password: secrets.password ?? '' } : null;

/**
 * Dials the address itself (`bolt://`): what a routing table names may not lead back here through a tunnel.
 * Retries are off, and a wrong password is tried once: three in a row lock the user.
 */
async function dial(target: Target, address: string, answerMs: number, as = loginOf(target)): Promise<Driver> {
  const { default: neo4j } = await import('neo4j-driver');
  const { tls } = target.component;
  const encryption: Config = tls
    ? {
        encrypted: true,
        trust: tls.ca === undefined ? 'TRUST_SYSTEM_CA_SIGNED_CERTIFICATES' : 'TRUST_CUSTOM_CA_SIGNED_CERTIFICATES',
        ...(tls.ca === undefined ? {} : { trustedCertificates: [tls.ca] }),
      }
    : { encrypted: false };
  const login = as ? neo4j.auth.basic(as.user, as.password) : undefined;
  return neo4j.driver(`bolt://${target.route.dial(address)}`, login, {
    ...encryption,
    userAgent: 'assay',
    telemetryDisabled: true,
    useBigInt: true,
    maxTransactionRetryTime: 0,
    connectionTimeout: Math.min(BUDGETS.connect, answerMs) - 1,
    connectionAcquisitionTimeout: answerMs,
  });
}

async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const ask = async (address: string): Promise<{ agent: string; bolt: string; tookMs: number }> => {
    const began = performance.now();
    const driver = await dial(target, address, BUDGETS.connect);
    try {
      // Connecting logs in as well, so this is the one attempt with the declared password.
      const info = await bounded('Bolt handshake and login', BUDGETS.preflight, signal, () => driver.getServerInfo());
      return {
        agent: info.agent ?? '',
        bolt: String(info.protocolVersion ?? ''),
        tookMs: Math.round(performance.now() - began),
      };
    } finally {
      void driver.close().catch(() => undefined);
    }
  };
  const explain = (error: unknown, who: string): Diagnosis =>
    diagnose(error, who) ?? {
      class: 'unexplained',
      cause: `${who} does not let us in`,
      remedy: 'read the evidence and the log of the service',
      evidence: describe(error),
    };
  const { answers, door } = await knockAll(target, boltAddresses(target), ask, explain);
  const [first] = answers;
  return {
    ...door,
    version: first?.answer.agent.replace('Neo4j/', '') ?? null,
    achieved: door.state === 'unobserved' ? null : answers.length,
    observed: Object.fromEntries(answers.map(({ address, answer }) => [address, answer])),
  };
}

async function open(target: Target, signal: AbortSignal): Promise<Neo4jClient> {
  const { default: neo4j } = await import('neo4j-driver');
  const { database: declared } = settingsOf(target);
  const [address = ''] = boltAddresses(target);
  const driver = await dial(target, address, BUDGETS.answer);
  let agent = '';
  try {
    const info = await bounded('Bolt handshake and login', BUDGETS.connect, signal, () => driver.getServerInfo());
    agent = info.agent ?? '';
  } catch (error) {
    void driver.close().catch(() => undefined);
    throw error;
  }
  const major = Number.parseInt(agent.replace('Neo4j/', ''), 10);
  const run = async (
    routing: RoutingControl,
    query: string,
    parameters: Row,
    within: AbortSignal,
    database: string,
  ): Promise<Row[]> => {
    const asked = (): Promise<Row[]> =>
      driver
        .executeQuery(query, parameters, { database, routing, transactionConfig: { timeout: BUDGETS.answer } })
        .then(({ records }) => records.map((record) => record.toObject() as Row));
    return bounded(firstWords(query), BUDGETS.answer, within, asked);
  };
  const read: Neo4jClient['read'] = (query, parameters, within, database = declared) =>
    run(neo4j.routing.READ, query, parameters, within, database);
  const askOnce = async (at: string, login: Login | null, within: AbortSignal): Promise<void> => {
    const other = await dial(target, at, BUDGETS.connect, login);
    try {
      await bounded('Bolt handshake, login and query', BUDGETS.answer, within, () =>
        other.executeQuery('RETURN 1', {}, { database: declared, routing: neo4j.routing.READ }),
      );
    } finally {
      void other.close().catch(() => undefined);
    }
  };
  return {
    database: declared,
    major,
    read,
    write: (query, parameters, within) => run(neo4j.routing.WRITE, query, parameters, within, declared),
    begin(mode, within, bookmarks = []) {
      const defaultAccessMode = mode === 'read' ? neo4j.session.READ : neo4j.session.WRITE;
      return openTransaction(
        driver.session({ database: declared, defaultAccessMode, bookmarks: [...bookmarks] }),
        within,
      );
    },
    async settings(wanted, within) {
      const rows = await read(
        `${showSettings(major)} YIELD name, value WHERE name IN $wanted RETURN name, value`,
        { wanted },
        within,
      );
      const values = new Map(rows.map(({ name, value }) => [name, value === UNSET ? null : value]));
      return Object.fromEntries(wanted.map((name) => [name, values.get(name) ?? null])) as Record<
        (typeof wanted)[number],
        string | null
      >;
    },
    askAt: (at, within) => askOnce(at, loginOf(target), within),
    askAs: (login, within) => askOnce(address, login, within),
    async discover(at, within) {
      await using http = await openHttp(at, target, null, BUDGETS.connect);
      return await http.json('GET', '/', z.record(z.string(), z.unknown()), within);
    },
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

/** SHOW SETTINGS came with 5; what 4 has in its place 2026 still has, with fewer of them. */
const showSettings = (major: number): string => (major < 5 ? 'CALL dbms.listConfig()' : 'SHOW SETTINGS');
/** In the place of null, in 4. */
const UNSET = 'No Value';

const firstWords = (query: string): string => query.trim().split(/\s+/, 3).join(' ');

async function openTransaction(session: Session, signal: AbortSignal): Promise<OpenTransaction> {
  const ask = <T>(what: string, work: () => Promise<T>): Promise<T> => bounded(what, BUDGETS.answer, signal, work);
  let transaction: Transaction;
  try {
    transaction = await ask('BEGIN', async () => session.beginTransaction({ timeout: BUDGETS.attempt }));
  } catch (error) {
    void session.close().catch(() => undefined);
    throw error;
  }
  return {
    run: (query, parameters) =>
      ask(firstWords(query), async () => {
        const { records } = await transaction.run(query, parameters);
        return records.map((record) => record.toObject() as Row);
      }),
    async commit() {
      await ask('COMMIT', () => transaction.commit());
      return session.lastBookmarks();
    },
    rollback: () => ask('ROLLBACK', () => transaction.rollback()),
    // Closing a session rolls back, and resets a connection that a failure has left unusable.
    async [Symbol.asyncDispose]() {
      await bounded('closing a session', BUDGETS.close, signal, () => session.close()).catch(() => undefined);
    },
  };
}

/** The driver knows no time-out for an answer and no signal: a server that stands still would be waited for without end. */
async function bounded<T>(what: string, ms: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: cut, reject } = Promise.withResolvers<never>();
  const due = performance.now() + ms;
  const timer = setTimeout(() => reject(new NoAnswer(what, ms, Math.round(performance.now() - due))), ms);
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work(), cut]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

async function sweep(client: Neo4jClient, entries: readonly ScratchEntry[], signal: AbortSignal): Promise<Left[]> {
  const names = entries.map(({ name }) => name);
  const remove = `MATCH (n:${SCRATCH_LABEL}) WHERE n.scratch IN $names DETACH DELETE n`;
  const count = `MATCH (n:${SCRATCH_LABEL}) WHERE n.scratch IN $names RETURN DISTINCT n.scratch AS name`;
  await client.write(remove, { names }, signal);
  const left = new Set((await client.read(count, { names }, signal)).map(({ name }) => name));
  return entries.filter(({ name }) => left.has(name)).map((entry) => ({ entry, why: 'its nodes are still there' }));
}

async function present(client: Neo4jClient, signal: AbortSignal): Promise<{ kind: string; name: string }[]> {
  const rows = await client.read(`MATCH (n:${SCRATCH_LABEL}) RETURN DISTINCT n.scratch AS name`, {}, signal);
  return rows.map(({ name }) => ({ kind: 'nodes', name: String(name) }));
}
