import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory, Kafka, KafkaConfig, SASLOptions } from 'kafkajs';
import { BUDGETS } from '../../budgets.ts';
import type { Route } from '../../route.ts';
import type { Target } from '../../service.ts';
import { quietWarnings } from '../../warnings.ts';
import { apiVersions, exchange, type Sasl, type WireRequest } from '../../wire/kafka.ts';

/** A listener of the brokers, by the endpoint that names it in the phase file. */
export type Listener = 'bootstrap' | 'tls';

export interface AskOptions {
  /** The broker to ask, by its advertised address; absent: all bootstrap servers, and the first that answers counts. */
  readonly at?: string;
  /** Who asks; null: nobody logs in. Absent: the declared user. */
  readonly as?: Sasl | null;
  readonly listener?: Listener;
}

export interface Greeting {
  readonly apis: readonly { readonly key: number; readonly min: number; readonly max: number }[];
  /** Milliseconds, rounded. */
  readonly tookMs: number;
}

export const RETRY = { retries: 10, initialRetryTime: 100, maxRetryTime: 1_000 } as const;

export const bootstrap = ({ component }: Target): readonly string[] => component.endpoints.bootstrap ?? [];

/** Where a component has a listener for TLS alone, `tls` is said of that one, and `bootstrap` is plain. */
const speaksTls = ({ component }: Target, listener: Listener): boolean =>
  component.tls !== null && (listener === 'tls' || component.endpoints.tls === undefined);

export async function tlsOptions(
  target: Target,
  listener: Listener = 'bootstrap',
): Promise<tls.ConnectionOptions | null> {
  const { component } = target;
  if (!component.tls || !speaksTls(target, listener)) return null;
  const ca = component.tls.ca === undefined ? {} : { ca: await readFile(component.tls.ca, 'utf8') };
  return { ...ca, ...(component.tls.servername === undefined ? {} : { servername: component.tls.servername }) };
}

export function split(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

export interface Dialling {
  /** Addresses not to dial: known to hang, and kafkajs stays with a connection that hangs. */
  readonly avoid?: ReadonlySet<string>;
  /** A connection that leaves a request unanswered for as long is closed, so that kafkajs asks another broker. */
  readonly silentMs: number;
  /** Absent: the target's. */
  readonly route?: Route;
  /** Called when a broker, or what is between, ends a connection. */
  readonly onHangUp?: (logical: string) => void;
  /** How kafkajs logs; absent: not at all. */
  readonly log?: Pick<KafkaConfig, 'logLevel' | 'logCreator'>;
}

/** Every connection of kafkajs, to whatever address a broker advertises, goes through here and so by the target's route. */
function socketFactory(target: Target, { avoid, silentMs, route = target.route, onHangUp }: Dialling): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const logical = `${host}:${port}`;
    if (avoid?.has(logical)) return refusedSocket(logical);
    const to = split(route.dial(logical));
    const name = target.component.tls?.servername ?? (net.isIP(host) ? undefined : host);
    const socket = ssl
      ? tls.connect(
          { ...(ssl as tls.ConnectionOptions), ...to, ...(name === undefined ? {} : { servername: name }) },
          onConnect,
        )
      : net.connect(to, onConnect);
    if (onHangUp) socket.once('end', () => onHangUp(logical));
    return closeWhenSilent(socket.setKeepAlive(true, 60_000).setNoDelay(true), logical, silentMs);
  };
}

function refusedSocket(logical: string): net.Socket {
  const socket = new net.Socket();
  process.nextTick(() =>
    socket.destroy(Object.assign(new Error(`${logical} gave no answer before`), { code: 'ECONNREFUSED' })),
  );
  return socket;
}

function closeWhenSilent(socket: net.Socket, logical: string, silentMs: number): net.Socket {
  let answered = 0;
  const noAnswer = (): Error =>
    Object.assign(new Error(`${logical}: no answer within ${silentMs} ms`), { code: 'ETIMEDOUT' });
  return socket
    .on('data', () => {
      answered = socket.bytesWritten;
    })
    .setTimeout(silentMs, () => {
      if (socket.bytesWritten > answered) socket.destroy(noAnswer());
    });
}

export async function connectClient(
  target: Target,
  brokers: readonly string[],
  retries: number,
  dialling: Dialling = { silentMs: BUDGETS.connect },
): Promise<Kafka> {
  quietWarnings();
  const { default: kafkajs } = await import('kafkajs');
  const ssl = await tlsOptions(target);
  const login = loginOf(target);
  const config: KafkaConfig = {
    clientId: 'assay',
    brokers: [...brokers],
    connectionTimeout: BUDGETS.connect,
    authenticationTimeout: BUDGETS.connect,
    requestTimeout: BUDGETS.connect,
    retry: { ...RETRY, retries },
    logLevel: kafkajs.logLevel.NOTHING,
    ...dialling.log,
    socketFactory: socketFactory(target, dialling),
    ...(ssl ? { ssl } : {}),
    ...(login ? { sasl: saslOptions(login) } : {}),
  };
  return new kafkajs.Kafka(config);
}

const MECHANISMS = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram-sha-256', 'SCRAM-SHA-512': 'scram-sha-512' } as const;

export function loginOf({ component: { credentials }, secrets }: Target): Sasl | null {
  if (!credentials) return null;
  const mechanism = (credentials.mechanism ?? 'SCRAM-SHA-512').toUpperCase() as Sasl['mechanism'];
  return { mechanism, user: credentials.user, password: secrets.password ?? '' };
}

/** An object of its own each time: kafkajs writes into the one that it is given. */
const saslOptions = ({ mechanism, user, password }: Sasl): SASLOptions => ({
  mechanism: MECHANISMS[mechanism],
  username: user,
  password,
});

export async function greet(target: Target, address: string, signal: AbortSignal): Promise<Greeting> {
  const { apis, tookMs } = await apiVersions(
    { ...split(target.route.dial(address)), tls: await tlsOptions(target) },
    signal,
  );
  return { apis, tookMs: Math.round(tookMs) };
}

export async function ask(
  target: Target,
  request: WireRequest,
  signal: AbortSignal,
  options: AskOptions,
): Promise<Buffer> {
  const { at, as = loginOf(target), listener = 'bootstrap' } = options;
  const tls = await tlsOptions(target, listener);
  const addresses = at === undefined ? (target.component.endpoints[listener] ?? []) : [at];
  const answers = addresses.map((address) =>
    exchange({ ...split(target.route.dial(address)), tls, sasl: as }, request, signal),
  );
  return Promise.any(answers).catch((error: AggregateError) => {
    throw error.errors[0];
  });
}
