import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { BUDGETS } from '../budgets.ts';
import type { Target } from '../service.ts';

/** Longest answer that is read: the ones that are asked for here are some kilobytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Where an address of a component is dialled, and by which terms. */
export interface HttpBase {
  /** As the phase file has it. */
  readonly logical: string;
  /** Without a slash at its end. */
  readonly url: string;
  /** Null: plain HTTP. */
  readonly tls: ConnectionOptions | null;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** Milliseconds from dialling to the last byte. */
  readonly tookMs: number;
}

export type HttpFailure =
  /** Connected; then no whole answer in time. */
  | 'silent'
  /** The peer closed before the first byte of an answer. */
  | 'closed'
  /** The peer closed in the middle of an answer. */
  | 'truncated'
  | 'not-http'
  /** We spoke plain HTTP, the peer answered with a TLS record. */
  | 'tls-expected'
  /** An HTTP answer whose body is not the JSON object that was asked for. */
  | 'not-json'
  | 'too-long'
  /** Our own process stood still. */
  | 'stalled';

/** What one exchange came to instead of an answer, where node has no code for it. The message begins with the address. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly kind: HttpFailure;
  constructor(kind: HttpFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
  }
}

/**
 * An address of a component as a base for requests: a URL stays what it is, `host:port` is HTTPS where the component has TLS.
 * The certificate is checked against the name that the service goes by, wherever it is dialled.
 */
export async function httpBase({ component, route }: Target, logical: string): Promise<HttpBase> {
  const { tls } = component;
  const given = URL.parse(logical.includes('://') ? logical : `${tls ? 'https' : 'http'}://${logical}`);
  if (!given) throw new Error(`${logical} is not an address`);
  const authority = `${given.hostname}:${given.port || (given.protocol === 'https:' ? 443 : 80)}`;
  const url = `${given.protocol}//${route.dial(authority)}${given.pathname.replace(/\/$/, '')}`;
  if (given.protocol === 'http:') return { logical, url, tls: null };
  const host = given.hostname.replace(/^\[|\]$/g, '');
  const servername = tls?.servername ?? (net.isIP(host) ? undefined : host);
  const ca = tls?.ca === undefined ? {} : { ca: await readFile(tls.ca, 'utf8') };
  return { logical, url, tls: { ...ca, ...(servername === undefined ? {} : { servername }) } };
}

/**
 * GET on a connection of its own, within BUDGETS.connect from dialling to the last byte. Redirects are answers like others.
 * @param path begins with a slash
 * @throws HttpError, node's own error with its code, or the signal's reason
 */
export async function get(
  { logical, url, tls }: HttpBase,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const began = performance.now();
  const options = { agent: false, headers } as const;
  const request = tls ? https.get(`${url}${path}`, { ...options, ...tls }) : http.get(`${url}${path}`, options);
  let connected = false;
  request.once('socket', (socket) => socket.once(tls ? 'secureConnect' : 'connect', () => (connected = true)));
  request.on('error', (error) => reject(worded(error, logical, path, request.socket?.bytesRead ?? 0)));
  request.once('response', (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) reject(new HttpError('too-long', `${logical}: more than ${MAX_BYTES} bytes for ${path}`));
      else chunks.push(chunk);
    });
    response.once('error', (error) => reject(worded(error, logical, path, bytes + 1)));
    response.once('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(chunks).toString('utf8'),
        tookMs: Math.round(performance.now() - began),
      }),
    );
  });
  const timer = setTimeout(() => reject(late(performance.now() - began, connected, logical, path)), BUDGETS.connect);
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    request.destroy();
  }
}

/** The JSON object in an answer. @throws HttpError 'not-json' with the beginning of what is there instead */
export function jsonObject({ logical }: HttpBase, { status, text }: HttpAnswer): Readonly<Record<string, unknown>> {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below, like every other value that is no object.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new HttpError('not-json', `${logical}: answered ${status} with ${JSON.stringify(text.slice(0, 120))}`);
}

function worded(error: NodeJS.ErrnoException & { rawPacket?: Buffer }, logical: string, path: string, read: number) {
  if (error.code?.startsWith('HPE_')) {
    const [type, major] = error.rawPacket ?? [];
    if ((type === 0x15 || type === 0x16) && major === 0x03)
      return new HttpError('tls-expected', `${logical}: answered plain HTTP with a TLS record`, error);
    const seen = JSON.stringify(error.rawPacket?.subarray(0, 32).toString('latin1') ?? '');
    return new HttpError('not-http', `${logical}: what answers ${path} is no HTTP, it has ${seen}`, error);
  }
  if (error.code === 'ECONNRESET' && read > 0)
    return new HttpError('truncated', `${logical}: closed in the middle of the answer to ${path}`, error);
  if (error.code === 'ECONNRESET')
    return new HttpError('closed', `${logical}: connected, closed without an answer to ${path}`, error);
  return error;
}

function late(elapsed: number, connected: boolean, logical: string, path: string): Error {
  const stall = Math.round(elapsed - BUDGETS.connect);
  if (stall > BUDGETS.stall) return new HttpError('stalled', `${logical}: our own process stood still for ${stall} ms`);
  if (connected)
    return new HttpError('silent', `${logical}: connected, no whole answer to ${path} within ${BUDGETS.connect} ms`);
  return Object.assign(new Error(`${logical}: no connection within ${BUDGETS.connect} ms`), { code: 'ETIMEDOUT' });
}
