import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import net from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { z } from 'zod';
import { BUDGETS } from '../budgets.ts';
import type { Target } from '../service.ts';

/** The longest answer that is read: more than any check asks for. */
const MOST_BYTES = 4 * 2 ** 20;
/** To one server at a time, where connections are used again. */
const CONNECTIONS = 8;
/** Of a body in an error: enough to see what it says. */
const SHOWN = 600;

export type HttpFailure =
  /** Connected; then no whole answer in time. */
  | 'silent'
  /** The peer closed before the first byte of an answer. */
  | 'closed'
  /** The peer closed in the middle of an answer. */
  | 'truncated'
  | 'too-long'
  | 'not-http'
  /** We spoke plain HTTP, the peer answered with a TLS record. */
  | 'tls-expected'
  | 'redirect'
  /** Neither 2xx nor 3xx. */
  | 'status'
  | 'not-json'
  /** JSON of another shape than was asked for. */
  | 'unexpected'
  /** Our own process stood still. */
  | 'stalled';

/** An exchange that came to no answer, or to one that is not what was asked for. Connections that fail stay as Node throws them. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly kind: HttpFailure;
  /** Null where there was no answer. */
  readonly status: number | null;
  readonly body: string;

  constructor(kind: HttpFailure, message: string, answer: { status?: number; body?: string; cause?: unknown } = {}) {
    super(message, { cause: answer.cause });
    this.kind = kind;
    this.status = answer.status ?? null;
    this.body = answer.body ?? '';
  }
}

/** Where an address of a component is dialled, and by which terms. Both URLs have their port, and no slash at their end. */
export interface HttpBase {
  /** By the name that the service goes by. */
  readonly called: string;
  /** By the route. */
  readonly url: string;
  /** Null: plain HTTP. */
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'> | null;
}

/** An HTTP server, who we are to it, and what bounds an exchange. */
export interface HttpServer extends HttpBase {
  /** The whole header; null: none. */
  readonly authorization: string | null;
  /** Milliseconds for one exchange, from dialling to the last byte. */
  readonly withinMs: number;
  /** The longest answer that is read, in bytes. */
  readonly mostBytes: number;
  /**
   * False: a connection for each exchange. On one that is used again, a server that closes it at that moment looks like one that fails, and
   * what one exchange tells of its connection may be another's.
   */
  readonly reuse: boolean;
}

export interface HttpAnswer {
  /** The request, as errors begin with it. */
  readonly what: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** Milliseconds from dialling to the last byte. */
  readonly tookMs: number;
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
 * retried. Every exchange has a connection of its own, and is bounded in time and length; closing the client cuts those that are left.
 * All throw HttpError, Node's own error with its code, or the signal's reason; all but `answer` HttpError where it is not 2xx.
 */
export interface HttpClient extends AsyncDisposable {
  answer(method: Method, path: string, signal: AbortSignal, asked?: Asked): Promise<HttpAnswer>;
  bytes(method: Method, path: string, signal: AbortSignal, asked?: Asked): Promise<Buffer>;
  text(method: Method, path: string, signal: AbortSignal, asked?: Asked): Promise<string>;
  json<T>(method: Method, path: string, schema: z.ZodType<T>, signal: AbortSignal, asked?: Asked): Promise<T>;
}

/** How a service wants to be told who asks, where the phase file gives credentials without a mechanism. Null: not at all. */
export type Scheme = 'Basic' | 'Bearer' | null;

/**
 * An address of a component as a base for requests: a URL stays what it is, `host:port` is HTTPS where the component has TLS.
 * The certificate is checked against the name that the service goes by, wherever it is dialled.
 */
export async function httpBase({ component, route }: Target, address: string): Promise<HttpBase> {
  const { tls } = component;
  const given = URL.parse(address.includes('://') ? address : `${tls ? 'https' : 'http'}://${address}`);
  if (!given) throw new Error(`${address} is not an address`);
  const authority = `${given.hostname}:${given.port || (given.protocol === 'https:' ? 443 : 80)}`;
  const at = (where: string): string => `${given.protocol}//${where}${given.pathname.replace(/\/$/, '')}`;
  const [called, url] = [at(authority), at(route.dial(authority))];
  if (given.protocol === 'http:') return { called, url, tls: null };
  const host = bare(given.hostname);
  const servername = tls?.servername ?? (net.isIP(host) ? undefined : host);
  const ca = tls?.ca === undefined ? {} : { ca: await readFile(tls.ca, 'utf8') };
  return { called, url, tls: { ...ca, ...(servername === undefined ? {} : { servername }) } };
}

/** @param withinMs for one exchange, from dialling to the last byte */
export async function openHttp(address: string, target: Target, scheme: Scheme, withinMs: number): Promise<HttpClient> {
  const base = await httpBase(target, address);
  const authorization = authorizationOf(target, scheme);
  return openServer({ ...base, authorization, withinMs, mostBytes: MOST_BYTES, reuse: false });
}

/** The same for a server that is no component's. */
export async function openServer(server: HttpServer): Promise<HttpClient> {
  const { buildConnector, Client, Pool } = await import('undici');
  const { called, url, tls, authorization, withinMs, mostBytes, reuse } = server;
  const { origin, pathname } = new URL(called);
  const { hostname, port } = new URL(url);
  // Undici would check the certificate against the Host header, which a check may choose.
  const to = { hostname: bare(hostname), port: port || (tls ? '443' : '80'), servername: tls?.servername ?? '' };
  const connect = buildConnector({ timeout: BUDGETS.connect, allowH2: false, ...tls });
  const closed = new AbortController();
  const pool = reuse
    ? new Pool(origin, {
        connect: (options, callback) => connect({ ...options, ...to }, callback),
        connections: CONNECTIONS,
        maxResponseSize: mostBytes,
      })
    : null;

  async function answer(method: Method, path: string, signal: AbortSignal, asked: Asked = {}): Promise<HttpAnswer> {
    const cut = AbortSignal.any([signal, closed.signal]);
    cut.throwIfAborted();
    const what = `${method} ${called}${path}`;
    const budget = AbortSignal.timeout(withinMs);
    const began = performance.now();
    const seen: { socket: net.Socket | null; answered: boolean } = { socket: null, answered: false };
    const connection =
      pool ??
      new Client(origin, {
        connect: (options, callback) =>
          connect({ ...options, ...to }, (...outcome) => {
            seen.socket = outcome[1];
            callback(...outcome);
          }),
        pipelining: 0,
        maxResponseSize: mostBytes,
      });
    try {
      const { statusCode, headers, body } = await connection.request({
        method,
        path: `${pathname.replace(/\/$/, '')}${path}`,
        signal: AbortSignal.any([cut, budget]),
        headers: {
          accept: 'application/json',
          ...(asked.json === undefined ? {} : { 'content-type': 'application/json' }),
          ...(authorization === null ? {} : { authorization }),
          ...asked.headers,
        },
        body: asked.json === undefined ? (asked.bytes ?? null) : JSON.stringify(asked.json),
        ...(asked.query === undefined ? {} : { query: asked.query }),
      });
      seen.answered = true;
      const bytes = Buffer.from(await body.arrayBuffer());
      const tookMs = Math.round(performance.now() - began);
      return { what, status: statusCode, headers, bytes, text: bytes.toString('utf8'), tookMs };
    } catch (error) {
      if (cut.aborted) throw cut.reason;
      if (!budget.aborted) throw worded(error, what, seen.answered || (seen.socket?.bytesRead ?? 0) > 0);
      const late = Math.round(performance.now() - began - withinMs);
      if (late > BUDGETS.stall) throw new HttpError('stalled', `${what}: our own process stood still for ${late} ms`);
      if (seen.socket || pool?.stats.connected)
        throw new HttpError('silent', `${what}: connected, no whole answer within ${withinMs} ms`);
      throw notConnected(what, withinMs);
    } finally {
      if (connection !== pool) void connection.destroy();
    }
  }

  async function accepted(...request: Parameters<typeof answer>): Promise<HttpAnswer> {
    const given = await answer(...request);
    const { what, status, headers, text } = given;
    if (status >= 200 && status < 300) return given;
    const body = shown(text);
    if (status >= 300 && status < 400)
      throw new HttpError('redirect', `${what}: ${status} to ${headers.location}`, { status, body });
    throw new HttpError('status', `${what}: ${status} ${body}`, { status, body });
  }

  return {
    answer,
    bytes: async (...request) => (await accepted(...request)).bytes,
    text: async (...request) => (await accepted(...request)).text,
    json: async (method, path, schema, signal, asked) => jsonOf(await accepted(method, path, signal, asked), schema),
    async [Symbol.asyncDispose]() {
      closed.abort();
      await pool?.destroy();
    },
  };
}

/** The body as the schema has it. @throws HttpError 'not-json' or 'unexpected' with the beginning of what is there instead */
export function jsonOf<T>(
  { what, status, text }: Pick<HttpAnswer, 'what' | 'status' | 'text'>,
  schema: z.ZodType<T>,
): T {
  const body = shown(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HttpError('not-json', `${what}: answered ${status}, not JSON: ${body}`, { body, cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const wrong = `${issue?.path.join('.')} ${issue?.message}`.trim();
  throw new HttpError('unexpected', `${what}: answered ${status}, ${wrong} in ${body}`, { body });
}

const shown = (text: string): string => text.slice(0, SHOWN).trim();

/** Without the brackets of IPv6 in a URL. */
const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');

const notConnected = (what: string, ms: number, cause?: unknown): Error =>
  Object.assign(new Error(`${what}: no connection within ${ms} ms`, { cause }), { code: 'ETIMEDOUT' });

function authorizationOf({ component, secrets }: Target, scheme: Scheme): string | null {
  if (component.credentials === null || scheme === null) return null;
  const { user, mechanism } = component.credentials;
  const password = secrets.password ?? '';
  return (mechanism ?? scheme).toLowerCase() === 'bearer'
    ? `Bearer ${password}`
    : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Source: undici, "Errors". */
function worded(error: unknown, what: string, begun: boolean): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === 'HTTPParserError') {
    // The head was HTTP, the framing of the body is none.
    if (/chunk|EOF/.test(error.message))
      return new HttpError('truncated', `${what}: the answer breaks off`, { cause: error });
    const data = 'data' in error ? String(error.data) : '';
    const [type, major] = Buffer.from(data);
    if ((type === 0x15 || type === 0x16) && major === 0x03) {
      const record = type === 0x15 ? 'alert' : 'handshake';
      return new HttpError('tls-expected', `${what}: answered plain HTTP with a TLS ${record}`, { cause: error });
    }
    const begins = JSON.stringify(data.slice(0, 32));
    return new HttpError('not-http', `${what}: what answers is not HTTP, it has ${begins}`, { cause: error });
  }
  switch ('code' in error ? error.code : '') {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return notConnected(what, BUDGETS.connect, error);
    case 'UND_ERR_RES_EXCEEDED_MAX_SIZE':
      return new HttpError('too-long', `${what}: an answer longer than is read`, { cause: error });
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'ECONNRESET':
      return begun
        ? new HttpError('truncated', `${what}: the answer breaks off`, { cause: error })
        : new HttpError('closed', `${what}: closed without an answer`, { cause: error });
  }
  return error;
}
