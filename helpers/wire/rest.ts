import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { buildConnector, Dispatcher } from 'undici';
import type { z } from 'zod';
import { BUDGETS } from '../budgets.ts';
import type { Target } from '../service.ts';

/** The longest answer that is read: more than any check asks for. */
const MOST_BYTES = 8 * 2 ** 20;
/** Of a body in an error: enough to see what it says. */
const SHOWN = 600;
const CONNECTIONS = 8;

export type RestErrorKind =
  | 'no-connection'
  | 'no-answer'
  | 'stalled'
  | 'closed'
  | 'truncated'
  | 'too-long'
  | 'not-http'
  | 'tls-expected'
  | 'redirect'
  | 'status'
  | 'not-json'
  | 'unexpected';

/** An exchange that came to no answer, or to one that is not what was asked for. Refused connections and their like stay as Node throws them. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly kind: RestErrorKind;
  /** Null where there was no answer. */
  readonly status: number | null;
  readonly body: string;
  /** The way that Node would put it, for what the wire says whatever the protocol. */
  readonly code: string | undefined;

  constructor(kind: RestErrorKind, message: string, answer: { status?: number; body?: string; cause?: unknown } = {}) {
    super(message, { cause: answer.cause });
    this.kind = kind;
    this.status = answer.status ?? null;
    this.body = answer.body ?? '';
    this.code = kind === 'no-connection' ? 'ETIMEDOUT' : undefined;
  }
}

export interface Asked {
  readonly query?: Readonly<Record<string, string | number>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly bytes?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * HTTP to one endpoint as its clients speak it: by the target's route, under the endpoint's own name, nothing followed and nothing
 * retried. Every exchange is bounded in time and length. Throws RestError for an answer other than 2xx, and the signal's reason.
 */
export interface RestClient extends AsyncDisposable {
  bytes(method: Method, path: string, signal: AbortSignal, asked?: Asked): Promise<Buffer>;
  text(method: Method, path: string, signal: AbortSignal, asked?: Asked): Promise<string>;
  /** The body as the schema has it; RestError where it is no JSON or has another shape. */
  json<T>(method: Method, path: string, schema: z.ZodType<T>, signal: AbortSignal, asked?: Asked): Promise<T>;
}

/** How a service wants to be told who asks, where the phase file gives credentials without a mechanism. */
export type Scheme = 'Basic' | 'Bearer';

/**
 * @param address `host:port`, or a URL whose path stands before every path
 * @param withinMs for one exchange with all its parts
 */
export async function openRest(
  address: string,
  target: Target,
  scheme: Scheme,
  withinMs: number = BUDGETS.answer,
): Promise<RestClient> {
  const base = baseOf(address, target);
  const { component, route } = target;
  const ca = component.tls?.ca === undefined ? {} : { ca: await readFile(component.tls.ca, 'utf8') };
  const servername = component.tls?.servername ?? (net.isIP(base.hostname) ? undefined : base.hostname);
  return openHttp({
    base,
    tls: { ...ca, ...(servername === undefined ? {} : { servername }) },
    dialled: route.dial(hostPort(base)),
    authorization: authorizationOf(target, scheme),
    withinMs,
    mostBytes: MOST_BYTES,
    reuse: false,
  });
}

/** An HTTP server, and how it is reached. */
export interface HttpServer {
  /** Its path stands before every path. */
  readonly base: URL;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;
  /** `host:port` */
  readonly dialled: string;
  readonly authorization: string | null;
  /** Milliseconds for one exchange with all its parts. */
  readonly withinMs: number;
  /** The longest answer that is read. */
  readonly mostBytes: number;
  /** False: a connection for each exchange. On one that is used again, a server that closes it at that moment looks like one that fails. */
  readonly reuse: boolean;
}

export async function openHttp(server: HttpServer): Promise<RestClient> {
  const { buildConnector, Pool } = await import('undici');
  const { base, authorization, withinMs, mostBytes, reuse } = server;
  const origin = base.origin;
  const prefix = base.pathname.replace(/\/$/, '');
  const seen = { connected: false };
  const pool = new Pool(origin, {
    connect: connector(buildConnector, server, seen),
    connections: CONNECTIONS,
    pipelining: reuse ? 1 : 0,
    maxResponseSize: mostBytes,
  });

  async function exchange(method: Method, path: string, signal: AbortSignal, asked: Asked = {}): Promise<Buffer> {
    signal.throwIfAborted();
    const what = `${method} ${origin}${prefix}${path}`;
    const budget = AbortSignal.timeout(withinMs);
    const began = performance.now();
    const tell = (error: unknown, answered: boolean): unknown => {
      if (signal.aborted) return signal.reason;
      if (!budget.aborted) return asRestError(error, what, answered);
      const late = Math.round(performance.now() - began - withinMs);
      if (late > BUDGETS.stall) return new RestError('stalled', `${what}: our own process stood still for ${late} ms`);
      return seen.connected
        ? new RestError('no-answer', `${what}: connected, no whole answer within ${withinMs} ms`)
        : new RestError('no-connection', `${what}: no connection within ${withinMs} ms`);
    };
    let answer: Dispatcher.ResponseData;
    try {
      answer = await pool.request({
        method,
        path: `${prefix}${path}`,
        signal: AbortSignal.any([signal, budget]),
        headers: {
          accept: 'application/json',
          ...(asked.json === undefined ? {} : { 'content-type': 'application/json' }),
          ...(authorization === null ? {} : { authorization }),
          ...asked.headers,
        },
        body: asked.json === undefined ? (asked.bytes ?? null) : JSON.stringify(asked.json),
        ...(asked.query === undefined ? {} : { query: asked.query }),
      });
    } catch (error) {
      throw tell(error, false);
    }
    let body: Buffer;
    try {
      body = Buffer.from(await answer.body.arrayBuffer());
    } catch (error) {
      throw tell(error, true);
    }
    const { statusCode: status } = answer;
    if (status >= 200 && status < 300) return body;
    const text = shown(body);
    if (status >= 300 && status < 400)
      throw new RestError('redirect', `${what}: ${status} to ${String(answer.headers.location)}`, {
        status,
        body: text,
      });
    throw new RestError('status', `${what}: ${status} ${text}`, { status, body: text });
  }

  return {
    bytes: exchange,
    text: async (...args) => (await exchange(...args)).toString('utf8'),
    async json(method, path, schema, signal, asked) {
      const text = (await exchange(method, path, signal, asked)).toString('utf8');
      const what = `${method} ${origin}${prefix}${path}`;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch (cause) {
        throw new RestError('not-json', `${what}: an answer that is not JSON: ${shown(text)}`, { body: text, cause });
      }
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      const [issue] = parsed.error.issues;
      throw new RestError('unexpected', `${what}: ${issue?.path.join('.')} ${issue?.message} in ${shown(text)}`, {
        body: text,
      });
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

const shown = (body: Buffer | string): string => body.toString().slice(0, SHOWN).trim();

function baseOf(address: string, { component }: Target): URL {
  if (address.includes('://')) return new URL(address);
  return new URL(`${component.tls === null ? 'http' : 'https'}://${address}`);
}

/** host:port of a URL, with the port that its scheme implies. */
const hostPort = ({ protocol, hostname, port }: URL): string =>
  `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;

function connector(
  build: typeof buildConnector,
  { tls, dialled }: HttpServer,
  seen: { connected: boolean },
): buildConnector.connector {
  const connect = build({ timeout: BUDGETS.connect, ...tls });
  const { hostname, port } = new URL(`tcp://${dialled}`);
  const to = { hostname: hostname.replace(/^\[|\]$/g, ''), port };
  const { servername } = tls;
  return (options, callback) =>
    connect({ ...options, ...to, ...(servername === undefined ? {} : { servername }) }, (...outcome) => {
      seen.connected ||= outcome[0] === null;
      callback(...outcome);
    });
}

function authorizationOf({ component, secrets }: Target, scheme: Scheme): string | null {
  if (component.credentials === null) return null;
  const { user, mechanism } = component.credentials;
  const password = secrets.password ?? '';
  return (mechanism ?? scheme).toLowerCase() === 'bearer'
    ? `Bearer ${password}`
    : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Source: undici, "Errors". */
function asRestError(error: unknown, what: string, answered: boolean): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  const data = 'data' in error && typeof error.data === 'string' ? error.data : '';
  const { bytesRead = 0 } = ('socket' in error && (error.socket as { bytesRead?: number } | null)) || {};
  if (error.name === 'HTTPParserError')
    return data.startsWith('\x15\x03')
      ? new RestError('tls-expected', `${what}: a TLS alert`, { cause: error })
      : new RestError(
          'not-http',
          `${what}: what answers is not HTTP, it begins with ${JSON.stringify(data.slice(0, 32))}`,
          { cause: error },
        );
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return new RestError('no-connection', `${what}: no connection within ${BUDGETS.connect} ms`, { cause: error });
    case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
      return new RestError('too-long', `${what}: an answer longer than is read`, { cause: error });
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'ECONNRESET':
      if (answered || bytesRead > 0)
        return new RestError('truncated', `${what}: the answer breaks off`, { cause: error });
      return code === 'ECONNRESET'
        ? error
        : new RestError('closed', `${what}: closed without an answer`, { cause: error });
  }
  return error;
}
