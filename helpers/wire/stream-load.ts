import http from 'node:http';
import { BUDGETS } from '../budgets.ts';

/*
 * Doris stream load over node:http: undici and fetch refuse an Expect header, and a client that follows redirects by itself either drops the
 * credentials or sends them wherever it is led.
 * Source: Doris LoadAction.java, RestBaseController.getRedirectUrL; RFC 9110, 10.1.1 (Expect) and 15.4.8 (307).
 */

export type LoadFailure =
  /** The network's word is the cause. */
  | 'wire'
  /** Accepted, and never answered. */
  | 'silent'
  /** Closed without an answer. */
  | 'closed'
  /** Led to an address that is none of the cluster's back ends. */
  | 'led-astray'
  /** Redirected more often than from front end to back end. */
  | 'led-on'
  | 'not-json';

/** The message begins with the node that was asked, and never holds credentials. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly kind: LoadFailure;
  /** Where it happened, as in `BE at 10.0.0.1:8040`. */
  readonly node: string;
  constructor(kind: LoadFailure, node: string, message: string, cause?: unknown) {
    super(`${node}: ${message}`, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.node = node;
  }
}

export interface LoadRequest {
  /** host:port of a front end. */
  readonly frontend: string;
  /** With a slash at its beginning. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly login: { readonly user: string; readonly password: string };
  /** host:port as the cluster names it to host:port as we dial it. */
  dial(address: string): string;
  /** Whether the credentials may go there. */
  isBackend(address: string): boolean;
}

export interface LoadAnswer {
  readonly body: Readonly<Record<string, unknown>>;
  /** Who gave the last answer. */
  readonly by: string;
  readonly redirects: number;
  /** The body was sent after `100 Continue`, and to the last one asked alone. */
  readonly continued: boolean;
}

/** A front end leads to a back end; one redirect more is a proxy's before both. */
const MOST_REDIRECTS = 2;

/**
 * A PUT that goes where it is led, as far as that is a back end. The credentials go to the front end that was named and to back ends.
 * @throws LoadError, node's own error with its code, or the signal's reason
 */
export async function put(request: LoadRequest, signal: AbortSignal): Promise<LoadAnswer> {
  let { frontend: address, path } = request;
  for (let redirects = 0; ; redirects += 1) {
    const node = `${redirects === 0 ? 'FE' : 'BE'} at ${address}`;
    const { status, location, text, continued } = await once(request, node, address, path, signal);
    if (status !== 307) return { body: parsed(text, status, node), by: address, redirects, continued };
    if (redirects === MOST_REDIRECTS)
      throw new LoadError('led-on', node, `redirects a load that was redirected ${redirects} times`);
    const to = URL.parse(location ?? '');
    const next = to ? `${to.hostname}:${to.port || 80}` : 'nowhere';
    if (!to || !request.isBackend(next))
      throw new LoadError(
        'led-astray',
        node,
        `leads to ${next}, which SHOW BACKENDS does not name; no credentials were sent there`,
      );
    address = next;
    path = `${to.pathname}${to.search}`;
  }
}

interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
  readonly continued: boolean;
}

async function once(
  { headers, body, login, dial }: LoadRequest,
  node: string,
  address: string,
  path: string,
  signal: AbortSignal,
): Promise<Reply> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const bytes = Buffer.from(body);
  const request = http.request(`http://${dial(address)}${path}`, {
    method: 'PUT',
    agent: false,
    headers: {
      ...headers,
      authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`,
      expect: '100-continue',
      'content-length': bytes.length,
    },
  });
  let continued = false;
  request.once('continue', () => {
    continued = true;
    request.end(bytes);
  });
  request.on('error', (error: NodeJS.ErrnoException) => {
    const reset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
    reject(
      reset
        ? new LoadError('closed', node, 'closed the connection in the middle of a load', error)
        : new LoadError('wire', node, error.message, error),
    );
  });
  request.once('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('error', reject);
    response.once('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        location: response.headers.location,
        text: Buffer.concat(chunks).toString('utf8'),
        continued,
      }),
    );
  });
  const timer = setTimeout(
    () => reject(new LoadError('silent', node, `no answer to a load within ${BUDGETS.attempt} ms`)),
    BUDGETS.attempt,
  );
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  request.flushHeaders();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    request.destroy();
  }
}

function parsed(text: string, status: number, node: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new LoadError('not-json', node, `answered ${status} with ${JSON.stringify(text.slice(0, 120))}`);
}
