import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { Connection, SslOptions } from 'mysql2';
import { BUDGETS } from '../budgets.ts';
import { within } from '../poll.ts';
import type { Target } from '../service.ts';

export type MysqlFailure =
  /** Connected; then nothing, or no end of the handshake, in time. */
  | 'silent'
  /** The peer closed before it greeted. */
  | 'closed'
  /** The peer closed in the middle of the handshake. */
  | 'truncated'
  /** What came first is no greeting. */
  | 'not-mysql'
  /** We were told to speak TLS, the server does not offer it. */
  | 'no-tls'
  /** Our own process stood still. */
  | 'stalled';

/** What a handshake came to instead of a session, where neither node nor the server has a code for it. The message begins with the address. */
export class MysqlError extends Error {
  override readonly name = 'MysqlError';
  readonly kind: MysqlFailure;
  /** As the greeting names it; null: none came. */
  readonly serverVersion: string | null;
  constructor(kind: MysqlFailure, message: string, serverVersion: string | null, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.serverVersion = serverVersion;
  }
}

export interface MysqlSession {
  readonly connection: Connection;
  /** As the greeting names it, such as 5.7.99 or 5.5.5-10.11.6-MariaDB. */
  readonly serverVersion: string;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/**
 * Logs in at an address of a component, within BUDGETS.connect from dialling to the session.
 * Source: MySQL "Connection Phase": the server speaks first, protocol 10 and its version.
 * @throws MysqlError, mysql2's error with the server's code, node's own with its, or the signal's reason
 */
export async function connectMysql(
  target: Target,
  logical: string,
  login: Login,
  signal: AbortSignal,
): Promise<MysqlSession> {
  signal.throwIfAborted();
  const [{ default: mysql }, ssl] = await Promise.all([import('mysql2'), tlsOf(target)]);
  const [host, port] = split(target.route.dial(logical));
  const seen = { connected: false, head: Buffer.alloc(0), bytes: 0 };
  const began = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const connection = mysql.createConnection({
    ...login,
    // By it the certificate is checked: the name that the service goes by, wherever it is dialled.
    host: target.component.tls?.servername ?? split(logical)[0],
    // Doris has no use for what clients tell of themselves, and is said to misread it in some releases.
    flags: ['-CONNECT_ATTRS'],
    stream: () => watched(net.connect(port, host), seen, reject, logical),
    ...(ssl ? { ssl } : {}),
    connectTimeout: 0,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
  connection.once('connect', () => resolve());
  // What breaks later is told by the statement that it breaks, and an idle session may break unheard.
  connection.on('error', (error) => reject(worded(error, seen, logical)));
  const timer = setTimeout(() => reject(late(performance.now() - began, seen, logical)), BUDGETS.connect);
  try {
    await within(promise, signal);
    return { connection, serverVersion: versionIn(seen.head) ?? 'unknown' };
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

interface Seen {
  connected: boolean;
  head: Buffer;
  bytes: number;
}

function watched(socket: net.Socket, seen: Seen, reject: (error: Error) => void, logical: string): net.Socket {
  return socket
    .setNoDelay(true)
    .setKeepAlive(true, 60_000)
    .once('connect', () => {
      seen.connected = true;
    })
    .on('data', (chunk: Buffer) => {
      const first = seen.bytes === 0;
      seen.bytes += chunk.length;
      if (!first) return;
      seen.head = Buffer.from(chunk.subarray(0, 256));
      if (isGreeting(seen.head)) return;
      const shown = JSON.stringify(seen.head.subarray(0, 32).toString('latin1'));
      reject(new MysqlError('not-mysql', `${logical}: speaks first, and no MySQL: ${shown}`, null));
    });
}

const PROTOCOL = 10;
const ERROR = 0xff;

const isGreeting = (head: Buffer): boolean =>
  head.length > 4 && head[3] === 0 && (head[4] === PROTOCOL || head[4] === ERROR);

function versionIn(head: Buffer): string | null {
  const end = head.indexOf(0, 5);
  return head[4] === PROTOCOL && end > 5 ? head.subarray(5, end).toString('latin1') : null;
}

async function tlsOf({ component: { tls } }: Target): Promise<SslOptions | null> {
  if (!tls) return null;
  const ca = tls.ca === undefined ? {} : { ca: await readFile(tls.ca, 'utf8') };
  return { ...ca, rejectUnauthorized: true, verifyIdentity: true };
}

function split(address: string): [host: string, port: number] {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at).replace(/^\[|\]$/g, ''), Number(address.slice(at + 1))];
}

function worded(error: NodeJS.ErrnoException, seen: Seen, logical: string): Error {
  const version = versionIn(seen.head);
  if (error.code === 'HANDSHAKE_NO_SSL_SUPPORT')
    return new MysqlError('no-tls', `${logical}: ${version} does not offer TLS`, version, error);
  const gone = error.code === 'PROTOCOL_CONNECTION_LOST' || error.code === 'ECONNRESET';
  if (gone && seen.connected && seen.bytes > 0)
    return new MysqlError('truncated', `${logical}: closed in the middle of the handshake`, version, error);
  if (gone && seen.connected)
    return new MysqlError('closed', `${logical}: connected, closed without a greeting`, null, error);
  // The server's refusal alone does not say what it is.
  if ('errno' in error && typeof error.errno === 'number' && error.errno > 0 && version !== null)
    return Object.assign(error, { serverVersion: version });
  return error;
}

function late(elapsed: number, { connected, bytes, head }: Seen, logical: string): Error {
  const stall = Math.round(elapsed - BUDGETS.connect);
  const version = versionIn(head);
  if (stall > BUDGETS.stall)
    return new MysqlError('stalled', `${logical}: our own process stood still for ${stall} ms`, version);
  const what = bytes > 0 ? 'no end of the MySQL handshake' : 'no MySQL greeting';
  if (connected)
    return new MysqlError('silent', `${logical}: connected, ${what} within ${BUDGETS.connect} ms`, version);
  return Object.assign(new Error(`${logical}: no connection within ${BUDGETS.connect} ms`), { code: 'ETIMEDOUT' });
}
