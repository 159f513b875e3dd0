import type { Config, Driver, RoutingControl } from 'neo4j-driver';
import { z } from 'zod';
import type { Diagnosis } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { diagnoseNeo4j, NoAnswer } from '../diagnose/neo4j.ts';
import { describe } from '../diagnose/outcome.ts';
import { knockAll } from '../doors.ts';
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
  read(query: string, parameters: Row, signal: AbortSignal, database?: string): Promise<Row[]>;
  write(query: string, parameters: Row, signal: AbortSignal): Promise<Row[]>;
  /** What an HTTP endpoint says of itself at /, which needs no login. */
  discover(address: string, signal: AbortSignal): Promise<Row>;
}

/**
 * The label of every node of ours; its property `scratch` says whose it is. Tokens of labels and keys are never given back, so a label for
 * each run would stay behind for good.
 */
export const SCRATCH_LABEL = 'AssayScratch';

const Settings = z.object({
  database: z.string().min(1).default('neo4j').describe('the database that is used'),
  version: z.string().optional().describe('the version that is promised, or its beginning, such as "4.4", in quotes'),
  edition: z.enum(['community', 'enterprise']).optional().describe('the edition that is promised'),
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

/**
 * Dials the address itself (`bolt://`): what a routing table names may not lead back here through a tunnel.
 * Retries are off, and a wrong password is tried once: three in a row lock the user.
 */
async function dial(target: Target, address: string, answerMs: number): Promise<Driver> {
  const { default: neo4j } = await import('neo4j-driver');
  const { credentials, tls } = target.component;
  const encryption: Config = tls
    ? {
        encrypted: true,
        trust: tls.ca === undefined ? 'TRUST_SYSTEM_CA_SIGNED_CERTIFICATES' : 'TRUST_CUSTOM_CA_SIGNED_CERTIFICATES',
        ...(tls.ca === undefined ? {} : { trustedCertificates: [tls.ca] }),
      }
    : { encrypted: false };
  const login = credentials ? neo4j.auth.basic(credentials.user, target.secrets.password ?? '') : undefined;
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
  try {
    await bounded('Bolt handshake and login', BUDGETS.connect, signal, () => driver.getServerInfo());
  } catch (error) {
    void driver.close().catch(() => undefined);
    throw error;
  }
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
    return bounded(query.trim().split(/\s+/, 3).join(' '), BUDGETS.answer, within, asked);
  };
  return {
    database: declared,
    read: (query, parameters, within, database = declared) =>
      run(neo4j.routing.READ, query, parameters, within, database),
    write: (query, parameters, within) => run(neo4j.routing.WRITE, query, parameters, within, declared),
    async discover(address, within) {
      await using http = await openHttp(address, target, null, BUDGETS.connect);
      return await http.json('GET', '/', z.record(z.string(), z.unknown()), within);
    },
    [Symbol.asyncDispose]: () => driver.close(),
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
