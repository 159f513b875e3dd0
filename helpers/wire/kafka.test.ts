import { execFile } from 'node:child_process';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { BUDGETS } from '../budgets.ts';
import { diagnoseWire } from '../diagnose/wire.ts';
import { API_KEYS, apiVersions, exchange, Reader, type Sasl, WireError, Writer } from './kafka.ts';

/** Short ones, for this file's time; put back for files that share its worker. */
const BUDGET = { connect: 400, stall: 100 };
const usual = { ...BUDGETS };
beforeAll(() => void Object.assign(BUDGETS, BUDGET));
afterAll(() => void Object.assign(BUDGETS, usual));

const never = new AbortController().signal;

async function listen(server: net.Server): Promise<{ host: string; port: number } & AsyncDisposable> {
  const open = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket: net.Socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers each request with what `answer` makes of the request's frame. */
const answering =
  (answer: (request: Buffer, socket: net.Socket) => void) =>
  (socket: net.Socket): void => {
    socket.on('data', (request) => answer(request, socket));
  };

const frame = (...parts: Buffer[]): Buffer => {
  const payload = Buffer.concat(parts);
  return new Writer().int32(payload.length).bytes(payload).done();
};

const correlationOf = (request: Buffer): Buffer => request.subarray(8, 12);

/** ApiVersions v0, two APIs. */
const VERSIONS = new Writer()
  .int16(0)
  .array(
    [
      [0, 3, 13],
      [18, 0, 4],
    ] as const,
    ([key, min, max], item) => item.int16(key).int16(min).int16(max),
  )
  .done();

const healthy = answering((request, socket) => socket.write(frame(correlationOf(request), VERSIONS)));

const seenBy = async (endpoint: {
  host: string;
  port: number;
  tls?: tls.ConnectionOptions | null;
}): Promise<WireError> => {
  const outcome = await apiVersions(endpoint, never).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(WireError);
  return outcome as WireError;
};

describe('apiVersions', () => {
  test('sends the request of the protocol guide and reads the versions', async () => {
    const requests: Buffer[] = [];
    const server = net.createServer((socket) => {
      socket.once('data', (request) => requests.push(request));
      healthy(socket);
    });
    await using endpoint = await listen(server);
    const { apis, tookMs } = await apiVersions(endpoint, never);
    expect(apis).toEqual([
      { key: 0, min: 3, max: 13 },
      { key: 18, min: 0, max: 4 },
    ]);
    expect(tookMs).toBeGreaterThan(0);
    const [request = Buffer.alloc(0)] = requests;
    expect(request.toString('hex').replace(correlationOf(request).toString('hex'), '<correlation>')).toBe(
      `0000000f${'0012'}${'0000'}<correlation>${'0005'}${Buffer.from('assay').toString('hex')}`,
    );
  });

  test('puts an answer together from single bytes', async () => {
    const drip = answering(async (request, socket) => {
      for (const byte of frame(correlationOf(request), VERSIONS)) {
        socket.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
    });
    await using endpoint = await listen(net.createServer({ noDelay: true }, drip));
    expect((await apiVersions(endpoint, never)).apis).toHaveLength(2);
  });

  test.for<[string, (request: Buffer, socket: net.Socket) => void, string, RegExp]>([
    ['closes', (_, socket) => socket.end(), 'closed', /connected, closed without an answer to ApiVersions$/],
    ['resets', (_, socket) => socket.resetAndDestroy(), 'closed', /closed without an answer/],
    ['is silent', () => undefined, 'timeout-answer', /connected, no answer to ApiVersions within 400 ms$/],
    [
      'stops in the middle',
      (request, socket) => socket.write(frame(correlationOf(request), VERSIONS).subarray(0, 9)),
      'timeout-answer',
      /no whole answer to ApiVersions within/,
    ],
    [
      'closes in the middle',
      (request, socket) => socket.end(frame(correlationOf(request), VERSIONS).subarray(0, 9)),
      'truncated',
      /closed after 9 of 26 bytes of the answer to ApiVersions$/,
    ],
    ['closes inside the length', (_, socket) => socket.end(Buffer.from([0, 0])), 'truncated', /closed after 2 bytes/],
    [
      'sends a TLS alert',
      (_, socket) => socket.end(Buffer.from('15030300020246', 'hex')),
      'tls-expected',
      /with a TLS alert$/,
    ],
    [
      'sends a TLS handshake',
      (_, socket) => socket.write(Buffer.from('160303004a0200', 'hex')),
      'tls-expected',
      /with a TLS handshake$/,
    ],
    [
      'speaks HTTP',
      (_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'not-kafka',
      /begins with "HTTP\/1.1 400 Bad Request/,
    ],
    ['announces a frame too short', (_, socket) => socket.write(frame(Buffer.alloc(3))), 'not-kafka', /no Kafka frame/],
    [
      'answers another correlation id',
      (request, socket) => socket.write(frame(correlationOf(request).map((byte) => byte ^ 1) as Buffer, VERSIONS)),
      'not-kafka',
      /correlation id/,
    ],
    [
      'says fewer bytes than its array counts',
      (request, socket) => socket.write(frame(correlationOf(request), VERSIONS.subarray(0, -1))),
      'not-kafka',
      /127\.0\.0\.1:\d+: answer to ApiVersions: not decodable/,
    ],
    [
      'says more than its array counts',
      (request, socket) => socket.write(frame(correlationOf(request), VERSIONS, Buffer.alloc(1))),
      'not-kafka',
      /1 bytes are left/,
    ],
    [
      'answers an error',
      (request, socket) => socket.write(frame(correlationOf(request), new Writer().int16(35).int32(0).done())),
      'not-kafka',
      /error code 35$/,
    ],
  ])('a peer that %s', async ([, answer, kind, message]) => {
    await using endpoint = await listen(net.createServer(answering(answer)));
    const error = await seenBy(endpoint);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(new RegExp(`^127\\.0\\.0\\.1:${endpoint.port}: `));
  });

  test('a peer that resets as soon as it accepts', async () => {
    await using endpoint = await listen(net.createServer((socket) => void socket.resetAndDestroy()));
    expect(await seenBy(endpoint)).toMatchObject({ kind: 'closed', code: 'ECONNRESET' });
  });

  test('nothing listens', async () => {
    const endpoint = await listen(net.createServer());
    await endpoint[Symbol.asyncDispose]();
    const error = await seenBy(endpoint);
    expect(error).toMatchObject({ kind: 'refused', code: 'ECONNREFUSED' });
    expect(diagnoseWire(error, 'Kafka')?.class).toBe('refused');
  });

  test('a name with several addresses, none of which listens', async () => {
    const endpoint = await listen(net.createServer());
    await endpoint[Symbol.asyncDispose]();
    expect(await seenBy({ host: 'localhost', port: endpoint.port })).toMatchObject({
      kind: 'refused',
      code: 'ECONNREFUSED',
    });
  });

  test('a name that no resolver knows', async () => {
    const error = await seenBy({ host: 'broker.invalid', port: 9092 });
    // A machine without DNS can't know that the name does not exist.
    expect(['unresolved ENOTFOUND', 'local EAI_AGAIN']).toContain(`${error.kind} ${error.code}`);
  });

  test('a port that is none is ours', async () => {
    expect(await seenBy({ host: '127.0.0.1', port: 70_000 })).toMatchObject({
      kind: 'local',
      code: 'ERR_SOCKET_BAD_PORT',
    });
  });

  test('no connection in time', async () => {
    const connect = vi.spyOn(net, 'connect').mockImplementationOnce(() => new net.Socket());
    try {
      const error = await seenBy({ host: '127.0.0.1', port: 9092 });
      expect(error).toMatchObject({
        kind: 'timeout-connect',
        code: 'ETIMEDOUT',
        message: '127.0.0.1:9092: no connection within 400 ms',
      });
    } finally {
      connect.mockRestore();
    }
  });

  test('a stall of our own process is not the peer’s silence', async () => {
    await using endpoint = await listen(net.createServer(healthy));
    const asked = seenBy(endpoint);
    for (const until = performance.now() + BUDGET.connect + 2 * BUDGET.stall; performance.now() < until; );
    expect((await asked).kind).toBe('local');
  });

  test('the signal aborts with its reason', async () => {
    await using endpoint = await listen(net.createServer());
    const reason = new Error('enough');
    await expect(apiVersions(endpoint, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const asked = apiVersions(endpoint, controller.signal);
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });
});

describe('over TLS', () => {
  let folder: string;
  let server: tls.TlsOptions;
  let ca: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-wire-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=broker.test', '-addext', 'subjectAltName=DNS:broker.test'];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', cert, ...subject],
    ]);
    ca = await readFile(cert, 'utf8');
    server = { key: await readFile(key, 'utf8'), cert: ca };
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('answers', async () => {
    await using endpoint = await listen(tls.createServer(server, healthy));
    const { apis } = await apiVersions({ ...endpoint, tls: { ca, servername: 'broker.test' } }, never);
    expect(apis).toHaveLength(2);
  });

  test('an authority that we do not know', async () => {
    await using endpoint = await listen(tls.createServer(server, healthy));
    const error = await seenBy({ ...endpoint, tls: { servername: 'broker.test' } });
    expect(error).toMatchObject({ kind: 'certificate', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(diagnoseWire(error, 'Kafka')?.class).toBe('tls');
  });

  test('a certificate for another name', async () => {
    await using endpoint = await listen(tls.createServer(server, healthy));
    const error = await seenBy({ ...endpoint, tls: { ca } });
    expect(error).toMatchObject({ kind: 'certificate', code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  test('a peer that wants a certificate of ours', async () => {
    await using endpoint = await listen(tls.createServer({ ...server, ca, requestCert: true }, healthy));
    const error = await seenBy({ ...endpoint, tls: { ca, servername: 'broker.test' } });
    expect(error).toMatchObject({ kind: 'certificate', code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' });
  });

  test('we speak plaintext to it', async () => {
    await using endpoint = await listen(tls.createServer(server, healthy));
    expect(['tls-expected', 'closed']).toContain((await seenBy(endpoint)).kind);
  });

  test('a key that is none is ours', async () => {
    expect((await seenBy({ host: '127.0.0.1', port: 9092, tls: { key: 'none' } })).kind).toBe('local');
  });

  test.for<[string, (socket: net.Socket) => void, string]>([
    ['hangs up, as a plaintext broker does on a length of 369 MB', answering((_, socket) => socket.end()), 'not-tls'],
    ['resets', answering((_, socket) => socket.resetAndDestroy()), 'not-tls'],
    ['speaks HTTP', answering((_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')), 'not-tls'],
    ['sends a Kafka frame', answering((_, socket) => socket.write(frame(Buffer.alloc(10)))), 'not-tls'],
    ['speaks first, as MySQL does', (socket) => socket.write(Buffer.from('4a0000000a382e302e3336', 'hex')), 'not-tls'],
    ['never shakes hands', () => undefined, 'timeout-answer'],
  ])('a plaintext peer that %s', async ([, behave, kind]) => {
    await using endpoint = await listen(net.createServer(behave));
    const error = await seenBy({ ...endpoint, tls: { ca } });
    expect(`${error.kind} ${error.code}`).toMatch(new RegExp(`^${kind} `));
  });
});

describe('exchange', () => {
  const request = {
    apiKey: API_KEYS.DescribeQuorum,
    apiVersion: 1,
    headerVersion: 2,
    body: Buffer.from('0100', 'hex'),
  } as const;

  test('a flexible request has tagged fields in its header, and so has its answer', async () => {
    const bodies: string[] = [];
    const flexible = answering((bytes, socket) => {
      bodies.push(bytes.subarray(12).toString('hex'));
      const tagged = Buffer.from('01070261620102', 'hex').subarray(0, 5);
      socket.write(frame(correlationOf(bytes), tagged, Buffer.from('body')));
    });
    await using endpoint = await listen(net.createServer(flexible));
    expect((await exchange(endpoint, request, never)).toString()).toBe('body');
    expect(bodies).toEqual([`0005${Buffer.from('assay').toString('hex')}00${'0100'}`]);
  });

  test('ApiVersions has none in the header of its answer in any version', async () => {
    await using endpoint = await listen(
      net.createServer(answering((bytes, socket) => socket.write(frame(correlationOf(bytes), Buffer.from('body'))))),
    );
    const body = await exchange(endpoint, { ...request, apiKey: API_KEYS.ApiVersions, apiVersion: 4 }, never);
    expect(body.toString()).toBe('body');
  });
});

describe('a login', () => {
  const sasl = { mechanism: 'SCRAM-SHA-256', user: 'user', password: 'pencil' } as const;
  const metadata = { apiKey: API_KEYS.Metadata, apiVersion: 1, headerVersion: 1, body: Buffer.alloc(0) } as const;
  const authenticated = (text: string): Buffer =>
    new Writer().int16(0).string(null).int32(Buffer.byteLength(text)).bytes(Buffer.from(text)).done();
  const refused = new Writer().int16(58).string('Authentication failed').int32(0).done();

  /** What a client sends by SaslAuthenticate: behind header, client id and the length of the message. */
  const messageIn = (request: Buffer): string => request.subarray(14 + request.readInt16BE(12) + 4).toString();

  /** A broker that knows one user: the server's part of RFC 5802. */
  function broker(password: string, offered: readonly string[] = ['SCRAM-SHA-256', 'PLAIN']): Broker {
    const asked: number[] = [];
    let transcript = '';
    const answerTo = (request: Buffer): Buffer => {
      const apiKey = request.readInt16BE(4);
      asked.push(apiKey);
      if (apiKey === API_KEYS.SaslHandshake) {
        const mechanism = request.subarray(16 + request.readInt16BE(12)).toString();
        return new Writer()
          .int16(offered.includes(mechanism) ? 0 : 33)
          .array(offered, (each, w) => w.string(each))
          .done();
      }
      if (apiKey !== API_KEYS.SaslAuthenticate) return Buffer.from('metadata');
      const message = messageIn(request);
      if (message.startsWith('\0')) return message === `\0user\0${password}` ? authenticated('') : refused;
      if (message.startsWith('n,,')) {
        const challenge = `r=${message.split('r=')[1]}more,s=${Buffer.from('salt').toString('base64')},i=4096`;
        transcript = `${message.slice(3)},${challenge}`;
        return authenticated(challenge);
      }
      const [withoutProof = '', proof = ''] = message.split(',p=');
      const salted = pbkdf2Sync(password, 'salt', 4096, 32, 'sha256');
      const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
      const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
      const signature = hmac(stored, `${transcript},${withoutProof}`);
      const key = Buffer.from(Buffer.from(proof, 'base64').map((byte, at) => byte ^ (signature[at] ?? 0)));
      if (!createHash('sha256').update(key).digest().equals(stored)) return refused;
      const server = hmac(hmac(salted, 'Server Key'), `${transcript},${withoutProof}`);
      return authenticated(`v=${server.toString('base64')}`);
    };
    return {
      asked,
      server: net.createServer(
        answering((request, socket) => socket.write(frame(correlationOf(request), answerTo(request)))),
      ),
    };
  }

  interface Broker {
    readonly server: net.Server;
    /** API keys in the order in which they were asked. */
    readonly asked: readonly number[];
  }

  test.for(['SCRAM-SHA-256', 'PLAIN'] as const)(
    'by %s precedes the request on the same connection',
    async (mechanism) => {
      const { server, asked } = broker('pencil');
      await using endpoint = await listen(server);
      const answer = await exchange({ ...endpoint, sasl: { ...sasl, mechanism } }, metadata, never);
      expect(answer.toString()).toBe('metadata');
      expect(asked).toEqual([
        API_KEYS.SaslHandshake,
        ...Array(mechanism === 'PLAIN' ? 1 : 2).fill(API_KEYS.SaslAuthenticate),
        API_KEYS.Metadata,
      ]);
    },
  );

  const refusal = async (offered: readonly string[], login: Sasl): Promise<WireError> => {
    await using endpoint = await listen(broker('pencil', offered).server);
    return await exchange({ ...endpoint, sasl: login }, metadata, never).then(
      () => expect.unreachable('it was let in'),
      (error: unknown) => error as WireError,
    );
  };

  test.for(['SCRAM-SHA-256', 'PLAIN'] as const)(
    'by %s with a wrong password is refused in the words of the broker',
    async (mechanism) => {
      const { kind, code, message } = await refusal(['SCRAM-SHA-256', 'PLAIN'], {
        ...sasl,
        mechanism,
        password: 'pen',
      });
      expect([kind, code]).toEqual(['login-refused', 'SASL_AUTHENTICATION_FAILED']);
      expect(message).toContain(`does not let user in by ${mechanism}: Authentication failed`);
      expect(message).not.toContain('pen');
    },
  );

  test('by a mechanism that is not offered names those that are', async () => {
    const { kind, code, message } = await refusal(['PLAIN', 'GSSAPI'], sasl);
    expect([kind, code]).toEqual(['login-refused', 'UNSUPPORTED_SASL_MECHANISM']);
    expect(message).toContain('does not offer SCRAM-SHA-256, only PLAIN, GSSAPI');
  });

  test('to someone who does not know the password is given up', async () => {
    const impostor = answering((request, socket) => {
      const apiKey = request.readInt16BE(4);
      const message = apiKey === API_KEYS.SaslAuthenticate ? messageIn(request) : '';
      const reply = message.startsWith('n,,') ? `r=${message.split('r=')[1]}more,s=c2FsdA==,i=4096` : 'v=AAAA';
      const body = apiKey === API_KEYS.SaslHandshake ? new Writer().int16(0).int32(0).done() : authenticated(reply);
      socket.write(frame(correlationOf(request), body));
    });
    await using endpoint = await listen(net.createServer(impostor));
    await expect(exchange({ ...endpoint, sasl }, metadata, never)).rejects.toThrow(
      /SCRAM-SHA-256: the server does not prove that it knows the password/,
    );
  });
});

describe('Reader and Writer', () => {
  test('read what was written', () => {
    const values = fc.record({
      int8: fc.integer({ min: -128, max: 127 }),
      int16: fc.integer({ min: -32_768, max: 32_767 }),
      int32: fc.integer(),
      int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      uvarint: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      varint: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
      string: fc.option(fc.string({ unit: 'grapheme' })),
      strings: fc.array(fc.option(fc.string())),
    });
    fc.assert(
      fc.property(values, (value) => {
        const bytes = new Writer()
          .int8(value.int8)
          .int16(value.int16)
          .int32(value.int32)
          .int64(value.int64)
          .uvarint(value.uvarint)
          .varint(value.varint)
          .string(value.string)
          .compactString(value.string)
          .array(value.strings, (item, writer) => writer.string(item))
          .compactArray(value.strings, (item, writer) => writer.compactString(item))
          .taggedFields()
          .done();
        const reader = new Reader(bytes, 'bytes');
        const { strings, string, ...numbers } = value;
        expect({
          int8: reader.int8(),
          int16: reader.int16(),
          int32: reader.int32(),
          int64: reader.int64(),
          uvarint: reader.uvarint(),
          varint: reader.varint(),
        }).toEqual(numbers);
        expect([reader.string(), reader.compactString()]).toEqual([string, string]);
        expect(reader.array((item) => item.string())).toEqual(strings);
        expect(reader.compactArray((item) => item.compactString())).toEqual(strings);
        expect(reader.taggedFields()).toEqual(new Map());
        reader.end();
      }),
    );
  });

  test('numbers of base 128 are those of the protocol', () => {
    expect(new Writer().uvarint(300).varint(-1).varint(-65).done().toString('hex')).toBe('ac02018101');
  });

  test('null arrays are empty, and tagged fields keep their bytes', () => {
    const reader = new Reader(Buffer.from('ffffffff00010702abcd', 'hex'), 'bytes');
    expect(reader.array(() => 0)).toEqual([]);
    expect(reader.compactArray(() => 0)).toEqual([]);
    expect(reader.taggedFields()).toEqual(new Map([[7, Buffer.from('abcd', 'hex')]]));
  });

  test.for<[string, (reader: Reader) => unknown, string]>([
    ['an int64 of four bytes', (reader) => reader.int64(), '00000000'],
    ['a string longer than the rest', (reader) => reader.string(), '00056162'],
    ['a string of negative length', (reader) => reader.string(), 'fffe6162'],
    ['an array of two thousand million', (reader) => reader.array((item) => item.int8()), '7fffffff00'],
    ['a number without an end', (reader) => reader.uvarint(), 'ff'.repeat(12)],
  ])('%s is not Kafka', ([, read, hex]) => {
    expect(() => read(new Reader(Buffer.from(hex, 'hex'), '127.0.0.1:9092: answer'))).toThrow(
      expect.objectContaining({
        kind: 'not-kafka',
        message: expect.stringMatching(/^127\.0\.0\.1:9092: answer: not decodable/),
      }),
    );
  });
});
