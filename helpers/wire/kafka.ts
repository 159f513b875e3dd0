import { randomInt } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { BUDGETS } from '../budgets.ts';
import { scramLogin } from './scram.ts';

/** API keys by the protocol's own names. Source: Apache Kafka protocol guide, "Api Keys" (kafka.apache.org/protocol#protocol_api_keys). */
export const API_KEYS = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  DescribeGroups: 15,
  ListGroups: 16,
  SaslHandshake: 17,
  ApiVersions: 18,
  CreateTopics: 19,
  DeleteTopics: 20,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
  DescribeConfigs: 32,
  DescribeLogDirs: 35,
  SaslAuthenticate: 36,
  DeleteGroups: 42,
  DescribeQuorum: 55,
} as const;

/** Longest frame that brokers take (socket.request.max.bytes); none of our answers comes near it. */
const MAX_FRAME = 100 * 1024 * 1024;

export interface WireEndpoint {
  readonly host: string;
  readonly port: number;
  /** Absent or null: plaintext. */
  readonly tls?: tls.ConnectionOptions | null;
  /** Absent or null: nobody logs in, and a listener with SASL answers ApiVersions and nothing else. */
  readonly sasl?: Sasl | null;
}

export interface Sasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly user: string;
  readonly password: string;
}

export interface WireRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  /** 2 for the flexible versions of an API (KIP-482), else 1. */
  readonly headerVersion: 1 | 2;
  readonly body: Buffer;
}

export type WireKind =
  | 'refused'
  | 'unresolved'
  | 'unreachable'
  | 'timeout-connect'
  /** Connected; then no TLS handshake or no answer in time. */
  | 'timeout-answer'
  /** The peer closed before the first byte of an answer. */
  | 'closed'
  /** The peer closed in the middle of an answer. */
  | 'truncated'
  /** We spoke plaintext, the peer answered with a TLS record. */
  | 'tls-expected'
  /** We spoke TLS, the peer answered with something else or hung up on the ClientHello, as a plaintext broker does. */
  | 'not-tls'
  /** Both speak TLS, and one does not accept the other: its certificate, the name in it, or the terms. */
  | 'certificate'
  /** The broker does not let this user in by this mechanism. */
  | 'login-refused'
  | 'not-kafka'
  /** Our own machine could not ask: no resolver, no route out, no descriptors, options that TLS can't take, or a stall of this process. */
  | 'local';

/** What one exchange on the wire came to instead of an answer. The message begins with the address. */
export class WireError extends Error {
  readonly kind: WireKind;
  /** Node's error code. A hang-up without one gets ECONNRESET and a connection not made in time ETIMEDOUT, as node's own clients have it. */
  readonly code: string | undefined;
  constructor(kind: WireKind, message: string, options: { code?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'WireError';
    this.kind = kind;
    this.code = options.code;
  }
}

/**
 * Which APIs a broker serves, in which versions, by ApiVersions v0: every broker answers it, before authentication too.
 * Source: Apache Kafka protocol guide, "ApiVersions"; KIP-511.
 * @returns `tookMs`: milliseconds from dialling to the answer
 * @throws WireError, or the signal's reason
 */
export async function apiVersions(
  endpoint: WireEndpoint,
  signal: AbortSignal,
): Promise<{ apis: { key: number; min: number; max: number }[]; tookMs: number }> {
  const began = performance.now();
  const request: WireRequest = {
    apiKey: API_KEYS.ApiVersions,
    apiVersion: 0,
    headerVersion: 1,
    body: Buffer.alloc(0),
  };
  const reader = new Reader(await exchange(endpoint, request, signal), `${nameOf(endpoint)}: answer to ApiVersions`);
  const tookMs = performance.now() - began;
  const errorCode = reader.int16();
  if (errorCode !== 0)
    throw new WireError('not-kafka', `${nameOf(endpoint)}: answered ApiVersions with error code ${errorCode}`);
  const apis = reader.array((item) => ({ key: item.int16(), min: item.int16(), max: item.int16() }));
  reader.end();
  return { apis, tookMs };
}

/**
 * Connects, logs in where the endpoint says as whom, asks one thing and closes, all within BUDGETS.connect. Resolves with what follows
 * the answer's header.
 * Source: Apache Kafka protocol guide, "Protocol Primitive Types" and "Messages"; KIP-482 for header version 2.
 * @throws WireError, or the signal's reason
 */
export async function exchange(endpoint: WireEndpoint, request: WireRequest, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  using wire = openWire(endpoint, signal);
  if (endpoint.sasl) await logIn(wire, nameOf(endpoint), endpoint.sasl);
  return await wire.ask(request);
}

/**
 * Source: KIP-43 (SaslHandshake) and KIP-152 (SaslAuthenticate v0 after SaslHandshake v1); RFC 4616 for PLAIN.
 * @throws WireError of kind login-refused with Kafka's own code
 */
async function logIn(wire: Wire, address: string, { mechanism, user, password }: Sasl): Promise<void> {
  const body = new Writer().string(mechanism).done();
  const handshake = new Reader(
    await wire.ask({ apiKey: API_KEYS.SaslHandshake, apiVersion: 1, headerVersion: 1, body }),
    `${address}: answer to SaslHandshake`,
  );
  const errorCode = handshake.int16();
  const offered = handshake.array((item) => item.string());
  if (errorCode !== 0)
    throw new WireError('login-refused', `${address}: does not offer ${mechanism}, only ${offered.join(', ')}`, {
      code: 'UNSUPPORTED_SASL_MECHANISM',
    });
  const turn = async (message: string): Promise<string> => {
    const bytes = Buffer.from(message);
    const answer = new Reader(
      await wire.ask({
        apiKey: API_KEYS.SaslAuthenticate,
        apiVersion: 0,
        headerVersion: 1,
        body: new Writer().int32(bytes.length).bytes(bytes).done(),
      }),
      `${address}: answer to SaslAuthenticate`,
    );
    const refused = answer.int16() !== 0;
    const why = answer.string();
    if (refused)
      throw new WireError('login-refused', `${address}: does not let ${user} in by ${mechanism}: ${why}`, {
        code: 'SASL_AUTHENTICATION_FAILED',
      });
    return answer.bytes(Math.max(0, answer.int32())).toString();
  };
  if (mechanism === 'PLAIN') {
    await turn(`\0${user}\0${password}`);
    return;
  }
  const login = scramLogin(mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', user, password);
  const challenge = await turn(login.first());
  try {
    login.verify(await turn(await login.final(challenge)));
  } catch (error) {
    if (error instanceof WireError) throw error;
    throw new WireError('login-refused', `${address}: ${mechanism}: ${messageOf(error)}`, { cause: error });
  }
}

const nameOf = ({ host, port }: WireEndpoint): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

const apiName = (key: number): string =>
  Object.entries(API_KEYS).find(([, each]) => each === key)?.[0] ?? `API key ${key}`;

type Stage = 'connect' | 'handshake' | 'answer';

/** One connection, on which one request is asked after the other. */
interface Wire extends Disposable {
  /** Resolves with what follows the answer's header. */
  ask(request: WireRequest): Promise<Buffer>;
}

/** The budget of the connection with all that is asked on it begins now. */
function openWire(endpoint: WireEndpoint, signal: AbortSignal): Wire {
  const address = nameOf(endpoint);
  const socket = dial(endpoint, address);
  const ready = Promise.withResolvers<void>();
  const { promise: broken, reject: breakOff } = Promise.withResolvers<never>();
  // Whoever asks hears of it; nobody may be asking when it breaks.
  broken.catch(() => undefined);
  let stage: Stage = 'connect';
  let api = '';
  let received: Buffer = Buffer.alloc(0);
  let answered: (payload: Buffer) => void = () => undefined;

  const onReady = (): void => {
    stage = 'answer';
    ready.resolve();
  };
  socket.once('connect', () => {
    if (endpoint.tls) stage = 'handshake';
    else onReady();
  });
  if (endpoint.tls) socket.once('secureConnect', onReady);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const foreign = received.length >= 4 ? notAFrame(received, address) : null;
    if (foreign) breakOff(foreign);
    else if (received.length >= 4 && received.length >= 4 + received.readInt32BE()) {
      const end = 4 + received.readInt32BE();
      const payload = received.subarray(4, end);
      received = received.subarray(end);
      answered(payload);
    }
  });
  const hungUp = (error?: Error): WireError => {
    const code = error ? codeOf(error) : 'ECONNRESET';
    if (received.length === 0)
      return new WireError('closed', `${address}: connected, closed without an answer to ${api}`, {
        code,
        cause: error,
      });
    const due = received.length >= 4 ? ` of ${4 + received.readInt32BE()}` : '';
    const message = `${address}: closed after ${received.length}${due} bytes of the answer to ${api}`;
    return new WireError('truncated', message, { code: error && code, cause: error });
  };
  socket.once('end', () => {
    // In a handshake node adds an error of its own.
    if (stage === 'answer') breakOff(hungUp());
  });
  socket.on('error', (error) => {
    // A reset that is quick enough reaches us before the news of the connection does.
    const closed = stage !== 'handshake' && HANG_UPS.has(codeOf(error) ?? '');
    breakOff(closed ? hungUp(error) : wireError(error, stage, address));
  });

  const began = performance.now();
  const timer = setTimeout(() => {
    const late = Math.round(performance.now() - began - BUDGETS.connect);
    breakOff(late > BUDGETS.stall ? stalled(address, late) : tooLate(address, stage, api, received.length));
  }, BUDGETS.connect);
  const abort = (): void => breakOff(signal.reason);
  signal.addEventListener('abort', abort, { once: true });

  return {
    async ask(request) {
      api = apiName(request.apiKey);
      await Promise.race([ready.promise, broken]);
      const correlationId = randomInt(2 ** 31);
      const { promise: answer, resolve } = Promise.withResolvers<Buffer>();
      answered = resolve;
      socket.write(frameOf(request, correlationId));
      return bodyOf(await Promise.race([answer, broken]), request, correlationId, address);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
    },
  };
}

function frameOf({ apiKey, apiVersion, headerVersion, body }: WireRequest, correlationId: number): Buffer {
  const header = new Writer().int16(apiKey).int16(apiVersion).int32(correlationId).string('assay');
  if (headerVersion === 2) header.taggedFields();
  const payload = Buffer.concat([header.done(), body]);
  return new Writer().int32(payload.length).bytes(payload).done();
}

function bodyOf(
  payload: Buffer,
  { apiKey, headerVersion }: WireRequest,
  correlationId: number,
  address: string,
): Buffer {
  const reader = new Reader(payload, `${address}: answer`);
  const answered = reader.int32();
  if (answered !== correlationId)
    throw new WireError(
      'not-kafka',
      `${address}: answered with correlation id ${answered}, we asked with ${correlationId}`,
    );
  // ApiVersions answers keep the old header in every version: the client may not know yet what the broker speaks (KIP-511).
  if (headerVersion === 2 && apiKey !== API_KEYS.ApiVersions) reader.taggedFields();
  return reader.bytes(reader.left);
}

function dial({ host, port, tls: options }: WireEndpoint, address: string): net.Socket {
  try {
    if (!options) return net.connect({ host, port, noDelay: true });
    return tls.connect({ ...(net.isIP(host) ? {} : { servername: host }), ...options, host, port });
  } catch (error) {
    throw new WireError('local', `${address}: can not be dialled: ${messageOf(error)}`, {
      code: codeOf(error),
      cause: error,
    });
  }
}

/** What the first bytes are, when they can not begin a Kafka frame. */
function notAFrame(bytes: Buffer, address: string): WireError | null {
  const [type, major] = bytes;
  if ((type === 0x15 || type === 0x16) && major === 0x03)
    return new WireError(
      'tls-expected',
      `${address}: answered plaintext with a TLS ${type === 0x15 ? 'alert' : 'handshake'}`,
    );
  const length = bytes.readInt32BE();
  if (length >= 4 && length <= MAX_FRAME) return null;
  const seen = JSON.stringify(bytes.subarray(0, 32).toString('latin1'));
  return new WireError('not-kafka', `${address}: what answers begins with ${seen}, which is no Kafka frame`);
}

const HANG_UPS = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const KINDS: { readonly [code: string]: readonly [WireKind, string] } = {
  ECONNREFUSED: ['refused', 'nothing listens'],
  ENOTFOUND: ['unresolved', 'the name does not resolve'],
  ETIMEDOUT: ['timeout-connect', 'no connection'],
  EHOSTUNREACH: ['unreachable', 'no route to the host'],
  EAI_AGAIN: ['local', 'our resolver does not answer'],
  ENETUNREACH: ['local', 'we have no way to the network'],
  EADDRNOTAVAIL: ['local', 'we have no address to dial from'],
  EMFILE: ['local', 'we have no file descriptors left'],
  ENFILE: ['local', 'this machine has no file descriptors left'],
  EACCES: ['local', 'our operating system forbids to connect'],
  EPERM: ['local', 'our operating system forbids to connect'],
};

/** What OpenSSL says of bytes that are no TLS record. */
const NOT_TLS =
  /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_LAYER_FAILURE|UNEXPECTED_MESSAGE|HTTP_REQUEST)$/;

function wireError(error: Error, stage: Stage, address: string): WireError {
  // A name with several addresses fails with one error for each; what a peer did says more than what we lack (such as IPv6).
  const each = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  const cause = each.find((one) => KINDS[codeOf(one) ?? '']?.[0] !== 'local') ?? each[0] ?? error;
  const code = codeOf(cause);
  const [kind, phrase] = KINDS[code ?? ''] ?? kindAtStage(code, stage);
  return new WireError(kind, `${address}: ${phrase} (${cause.message})`, { code, cause });
}

function kindAtStage(code: string | undefined, stage: Stage): readonly [WireKind, string] {
  if (stage === 'connect') return ['unreachable', 'no connection'];
  if (HANG_UPS.has(code ?? '')) return ['not-tls', 'closed the connection on our TLS ClientHello'];
  if (NOT_TLS.test(code ?? '')) return ['not-tls', 'answered our TLS ClientHello with something else'];
  return ['certificate', 'no agreement on TLS'];
}

function tooLate(address: string, stage: Stage, api: string, received: number): WireError {
  if (stage === 'connect')
    return new WireError('timeout-connect', `${address}: no connection within ${BUDGETS.connect} ms`, {
      code: 'ETIMEDOUT',
    });
  const missing = stage === 'handshake' ? 'no TLS handshake' : `no ${received > 0 ? 'whole ' : ''}answer to ${api}`;
  return new WireError('timeout-answer', `${address}: connected, ${missing} within ${BUDGETS.connect} ms`);
}

/** After a stall timers run before sockets are read: the answer may be there, unread. */
const stalled = (address: string, late: number): WireError =>
  new WireError('local', `${address}: our own process stood still for ${late} ms while it waited for the answer`);

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Reads the protocol's primitive types one after the other. Bytes that do not hold what is read are a WireError 'not-kafka'.
 * Source: Apache Kafka protocol guide, "Protocol Primitive Types"; KIP-482 for the compact types and tagged fields.
 */
export class Reader {
  private readonly buffer: Buffer;
  private readonly what: string;
  private at = 0;
  /** @param what names the bytes in errors, address first: `127.0.0.1:9092: answer to DescribeQuorum` */
  constructor(buffer: Buffer, what: string) {
    this.buffer = buffer;
    this.what = what;
  }
  /** Bytes not read yet. */
  get left(): number {
    return this.buffer.length - this.at;
  }
  /** The next bytes, as a view of those read from. */
  bytes(length: number): Buffer {
    if (length < 0 || length > this.left)
      throw this.undecodable(`${length} bytes are due at byte ${this.at}, ${this.left} are left`);
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }
  int8(): number {
    return this.bytes(1).readInt8();
  }
  int16(): number {
    return this.bytes(2).readInt16BE();
  }
  int32(): number {
    return this.bytes(4).readInt32BE();
  }
  int64(): bigint {
    return this.bytes(8).readBigInt64BE();
  }
  /** Base 128, least significant group first; exact up to 2^53. */
  uvarint(): number {
    let value = 0;
    for (let group = 0; group < 10; group++) {
      const byte = this.bytes(1).readUInt8();
      value += (byte & 0x7f) * 128 ** group;
      if (byte < 0x80) return value;
    }
    throw this.undecodable(`the number before byte ${this.at} has no end`);
  }
  /** Zigzag, as in records: VARINT and VARLONG. */
  varint(): number {
    const value = this.uvarint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  /** STRING and NULLABLE_STRING. */
  string(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.bytes(length).toString('utf8');
  }
  /** COMPACT_STRING and COMPACT_NULLABLE_STRING. */
  compactString(): string | null {
    const length = this.uvarint() - 1;
    return length === -1 ? null : this.bytes(length).toString('utf8');
  }
  /** ARRAY; a null one reads as empty. */
  array<T>(item: (reader: this) => T): T[] {
    return this.items(this.int32(), item);
  }
  /** COMPACT_ARRAY; a null one reads as empty. */
  compactArray<T>(item: (reader: this) => T): T[] {
    return this.items(this.uvarint() - 1, item);
  }
  /** The fields by their tags; those that the caller does not know are the sender's to add. */
  taggedFields(): Map<number, Buffer> {
    const fields = Array.from({ length: this.count(this.uvarint()) }, (): [number, Buffer] => [
      this.uvarint(),
      this.bytes(this.uvarint()),
    ]);
    return new Map(fields);
  }
  /** Throws where something is left. */
  end(): void {
    if (this.left > 0) throw this.undecodable(`${this.left} bytes are left at its end`);
  }
  private items<T>(length: number, item: (reader: this) => T): T[] {
    return length === -1 ? [] : Array.from({ length: this.count(length) }, () => item(this));
  }
  /** Nothing that is counted takes less than a byte: a count beyond that would only fill our memory. */
  private count(length: number): number {
    if (length < 0 || length > this.left)
      throw this.undecodable(`${length} entries can not follow byte ${this.at}, ${this.left} bytes are left`);
    return length;
  }
  private undecodable(why: string): WireError {
    return new WireError('not-kafka', `${this.what}: not decodable: ${why}`);
  }
}

/** Writes the protocol's primitive types one after the other. Sources as for Reader. */
export class Writer {
  private readonly parts: Buffer[] = [];
  bytes(bytes: Buffer): this {
    this.parts.push(bytes);
    return this;
  }
  int8(value: number): this {
    return this.fill(1, (to) => to.writeInt8(value));
  }
  int16(value: number): this {
    return this.fill(2, (to) => to.writeInt16BE(value));
  }
  int32(value: number): this {
    return this.fill(4, (to) => to.writeInt32BE(value));
  }
  int64(value: bigint): this {
    return this.fill(8, (to) => to.writeBigInt64BE(value));
  }
  uvarint(value: number): this {
    const groups: number[] = [];
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) groups.push((rest % 128) | 0x80);
    return this.bytes(Buffer.from([...groups, rest]));
  }
  varint(value: number): this {
    return this.uvarint(value < 0 ? -2 * value - 1 : 2 * value);
  }
  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = Buffer.from(value, 'utf8');
    return this.int16(bytes.length).bytes(bytes);
  }
  compactString(value: string | null): this {
    if (value === null) return this.uvarint(0);
    const bytes = Buffer.from(value, 'utf8');
    return this.uvarint(bytes.length + 1).bytes(bytes);
  }
  array<T>(items: readonly T[], write: (item: T, writer: this) => void): this {
    return this.int32(items.length).each(items, write);
  }
  compactArray<T>(items: readonly T[], write: (item: T, writer: this) => void): this {
    return this.uvarint(items.length + 1).each(items, write);
  }
  /** None: requests of ours have no optional fields. */
  taggedFields(): this {
    return this.uvarint(0);
  }
  done(): Buffer {
    return Buffer.concat(this.parts);
  }
  private each<T>(items: readonly T[], write: (item: T, writer: this) => void): this {
    for (const item of items) write(item, this);
    return this;
  }
  private fill(length: number, write: (to: Buffer) => void): this {
    const bytes = Buffer.alloc(length);
    write(bytes);
    return this.bytes(bytes);
  }
}
