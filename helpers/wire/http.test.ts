import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { CauseClass, Tls } from '../../reports/model.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { direct } from '../route.ts';
import type { Target } from '../service.ts';
import { type HttpClient, HttpError, httpBase, jsonOf, openHttp } from './http.ts';

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

async function listening(server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  open.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}
const serve = (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> =>
  listening(http.createServer(answer));
/** Does this when it is asked something, whatever it is. */
const peer = (on: (socket: net.Socket) => void): Promise<string> =>
  listening(net.createServer((socket) => socket.once('data', () => on(socket))));
const say = (bytes: string): Promise<string> => peer((socket) => socket.end(bytes, 'latin1'));

function target(dialled: string, over: Partial<Target['component']> = {}, password: string | null = null): Target {
  const component = { title: 'It', tls: null, credentials: null, ...over } as Target['component'];
  return { component, secrets: { password }, route: { path: 'loopback', dial: () => dialled } };
}
const client = async (
  address: string,
  logical = 'it.svc:80',
  over = {},
  password: string | null = null,
): Promise<HttpClient> => open.use(await openHttp(logical, target(address, over, password), 'Basic', 300));
const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (thrown: unknown) => thrown,
  );

describe('an exchange', () => {
  const echo = (): Promise<string> =>
    serve(async (request, response) => {
      const body = (await request.toArray()).join('');
      const { host, authorization, 'content-type': type } = request.headers;
      response.end(JSON.stringify({ line: `${request.method} ${request.url}`, host, authorization, type, body }));
    });
  const Echo = z.object({
    line: z.string(),
    host: z.string(),
    authorization: z.string().optional(),
    type: z.string().optional(),
    body: z.string(),
  });

  it('goes where the route leads, under the name of the endpoint and below its path', async () => {
    const at = await client(await echo(), 'http://it.svc:8080/prefix/');
    const asked = { query: { a: 'x y', b: 2 }, json: { c: 'ü' } };
    expect(await at.json('POST', '/path', Echo, soon(), asked)).toEqual({
      line: 'POST /prefix/path?a=x%20y&b=2',
      host: 'it.svc:8080',
      type: 'application/json',
      body: '{"c":"ü"}',
    });
  });

  it.each([
    [undefined, `Basic ${Buffer.from('me:secret').toString('base64')}`],
    ['Bearer', 'Bearer secret'],
  ])('says who asks by the mechanism %s', async (mechanism, authorization) => {
    const credentials = { user: 'me', password: { env: 'X' }, ...(mechanism ? { mechanism } : {}) };
    const at = await client(await echo(), 'it.svc:80', { credentials }, 'secret');
    expect((await at.json('GET', '/', Echo, soon())).authorization).toBe(authorization);
  });

  it('has status, headers and text, whatever the status; a redirect is an answer like others', async () => {
    const at = await client(await say('HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 2\r\n\r\n{}'));
    const { status, headers, text } = await at.answer('GET', '/', soon());
    expect([status, headers.location, text]).toEqual([302, '/login', '{}']);
  });

  it('ends with the reason of the signal', async () => {
    const at = await client(await serve(() => undefined));
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(new Error('enough')), 20);
    await expect(at.text('GET', '/', cancel.signal)).rejects.toThrow('enough');
    await expect(at.text('GET', '/', cancel.signal)).rejects.toThrow('enough');
    await expect(at.text('GET', '/', AbortSignal.timeout(50))).rejects.toThrow(/timeout/);
    await expect(at.text('GET', '/', AbortSignal.abort(new Error('no')))).rejects.toThrow('no');
  });

  it('is cut when its client is closed', async () => {
    const at = await client(await serve(() => undefined));
    const cut = thrownBy(at.text('GET', '/', soon()));
    await at[Symbol.asyncDispose]();
    expect(await cut).toMatchObject({ name: 'AbortError' });
  });
});

describe('what is no answer', () => {
  const answer = (status: number, body: string, headers = {}): Promise<string> =>
    serve((_, response) => response.writeHead(status, headers).end(body));
  const cases: readonly (readonly [string, () => Promise<string>, CauseClass, string | null, RegExp])[] = [
    ['silent', () => serve(() => undefined), 'slow', 'silent', /connected, no whole answer within 300 ms/],
    ['closed at once', () => say(''), 'unreachable', 'closed', /closed without an answer/],
    ['reset', () => peer((socket) => socket.resetAndDestroy()), 'unreachable', 'closed', /closed without an answer/],
    ['cut in the first line', () => say('HTTP/1.1 20'), 'data-wrong', 'truncated', /breaks off/],
    ['cut in the head', () => say('HTTP/1.1 200 OK\r\ncontent-le'), 'data-wrong', 'truncated', /breaks off/],
    [
      'cut in the body',
      () => say('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a"'),
      'data-wrong',
      'truncated',
      /breaks off/,
    ],
    [
      'cut in the last body of a connection',
      () => say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nfff\r\nabc'),
      'data-wrong',
      'truncated',
      /breaks off/,
    ],
    [
      'spoilt in the body',
      () => say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n'),
      'data-wrong',
      'truncated',
      /breaks off/,
    ],
    ['another protocol', () => say('\x00\x00\x00\x01\x02'), 'wrong-product', 'not-http', /is not HTTP/],
    ['mail', () => say('220 smtp ready\r\n'), 'wrong-product', 'not-http', /is not HTTP/],
    ['a TLS alert', () => say('\x15\x03\x01\x00\x02\x02\x46'), 'tls', 'tls-expected', /TLS alert/],
    ['a TLS handshake', () => say('\x16\x03\x01\x00\x02\x02\x46'), 'tls', 'tls-expected', /TLS handshake/],
    [
      'a page',
      () => answer(200, '<html>log in</html>'),
      'wrong-product',
      'not-json',
      /^GET http:\/\/it\.svc:80\/: answered 200, not JSON: <html>log in/,
    ],
    ['other JSON', () => answer(200, '{"b":1}'), 'wrong-product', 'unexpected', /a Invalid input.*in \{"b":1\}/],
    [
      'a redirect',
      () => answer(302, '', { location: 'http://login/' }),
      'misconfigured',
      'redirect',
      /302 to http:\/\/login\//,
    ],
    ['401', () => answer(401, 'who are you'), 'authentication', 'status', /401 who are you/],
    ['403', () => answer(403, 'no'), 'authorization', 'status', /403 no/],
    ['404', () => answer(404, ''), 'wrong-product', 'status', /404/],
    ['413', () => answer(413, ''), 'misconfigured', 'status', /413/],
    ['503', () => answer(503, 'no backend'), 'unreachable', 'status', /503 no backend/],
    ['500', () => answer(500, 'trace'), 'unexplained', 'status', /500 trace/],
    ['endless', () => answer(200, ' '.repeat(2 ** 23 + 1)), 'data-wrong', 'too-long', /longer than/],
    [
      'long, of no stated length',
      () => say(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5_000_000)}`),
      'data-wrong',
      'too-long',
      /longer than/,
    ],
    ['refused', async () => '127.0.0.1:1', 'refused', null, /ECONNREFUSED/],
  ];
  it.each(cases)('%s', async (_, start, expected, kind, evidence) => {
    const at = await client(await start());
    const error = await thrownBy(at.json('GET', '/', z.object({ a: z.number() }), soon()));
    const diagnosis = diagnoseHttp(error, 'It');
    expect(diagnosis?.class, String(error)).toBe(expected);
    expect(error instanceof HttpError ? error.kind : null).toBe(kind);
    expect(diagnosis?.evidence).toMatch(evidence);
    expect(diagnosis?.cause).toMatch(/^It/);
  });

  it('a port that does not speak TLS', async () => {
    const error = await thrownBy(
      (await client(await answer(200, '{}'), 'it.svc:443', { tls: {} })).text('GET', '/', soon()),
    );
    expect(error).toMatchObject({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    expect(diagnoseHttp(error, 'It')?.class).toBe('tls');
  });

  it('our own process that stands still is not the peer’s silence', async () => {
    const at = await client(await serve(() => undefined));
    const error = thrownBy(at.text('GET', '/', soon()));
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500), 20);
    expect(await error).toMatchObject({ kind: 'stalled' });
    expect(diagnoseHttp(await error, 'It')?.class).toBe('our-side');
  });
});

describe('over TLS', () => {
  /** Listens by a certificate for `it.svc` alone; who is asked does with each connection what stands at its turn. */
  async function secured(...turns: readonly ('answer' | 'hold' | 'close')[]): Promise<HttpClient> {
    const folder = await mkdtemp(join(tmpdir(), 'assay-http-'));
    open.defer(() => rm(folder, { recursive: true }));
    const [key, ca] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=it.svc', '-addext', 'subjectAltName=DNS:it.svc'];
    await promisify(execFile)('openssl', ['req', ...options, '-keyout', key, '-out', ca, ...subject]);
    const pem = { key: await readFile(key, 'utf8'), cert: await readFile(ca, 'utf8') };
    const answers = https.createServer(pem, (_, response) => response.end('{}'));
    const closes = tls.createServer(pem, (socket) => socket.once('data', () => socket.end()));
    let turn = 0;
    const address = await listening(
      net.createServer((socket) => {
        const todo = turns[turn++];
        if (todo !== 'hold') (todo === 'answer' ? answers : closes).emit('connection', socket);
      }),
    );
    return client(address, 'it.svc:443', { tls: { ca } });
  }

  it('checks the name that the service goes by, wherever it is dialled and whatever the Host header says', async () => {
    const at = await secured('answer', 'answer');
    expect(await at.text('GET', '/', soon())).toBe('{}');
    expect(await at.text('GET', '/', soon(), { headers: { host: 'other.svc' } })).toBe('{}');
  });

  it('tells a connection that is not made from an answer that is not given, each exchange for itself', async () => {
    const at = await secured('answer', 'hold');
    await at.text('GET', '/', soon());
    const error = await thrownBy(at.text('GET', '/', soon()));
    expect(error).toMatchObject({ code: 'ETIMEDOUT', message: expect.stringMatching(/no connection within 300 ms/) });
    expect(diagnoseHttp(error, 'It')?.class).toBe('unreachable');
  });

  it('does not take the handshake for the beginning of an answer', async () => {
    const at = await secured('close');
    expect(await thrownBy(at.text('GET', '/', soon()))).toMatchObject({ kind: 'closed' });
  });
});

describe('a base', () => {
  const by = (tls: Tls | null, route = direct('direct')): Target => ({ ...target('', { tls }), route });

  it.each([
    ['h:9200', null, 'http://h:9200', null],
    ['h:9200', {}, 'https://h:9200', { servername: 'h' }],
    ['10.0.0.1:9200', {}, 'https://10.0.0.1:9200', {}],
    ['h:9200', { servername: 's' }, 'https://h:9200', { servername: 's' }],
    ['http://h:80/base/', {}, 'http://h:80/base', null],
    ['https://h/base', null, 'https://h:443/base', { servername: 'h' }],
  ] as const)('%s with TLS %j is dialled as %s', async (address, tls, url, options) => {
    expect(await httpBase(by(tls), address)).toEqual({ called: url, url, tls: options });
  });

  it('is dialled where the route says, and the name in the certificate stays', async () => {
    const dial = (logical: string): string => (logical === 'h:443' ? '127.0.0.1:5' : '?');
    expect(await httpBase(by(null, { path: 'port-forward', dial }), 'https://h/base')).toMatchObject({
      called: 'https://h:443/base',
      url: 'https://127.0.0.1:5/base',
      tls: { servername: 'h' },
    });
  });
});

it('a body that is not what the schema says is told', () => {
  const told = (text: string) =>
    jsonOf({ what: 'GET http://h:1/', status: 200, text }, z.record(z.string(), z.unknown()));
  expect(told('{"a":1}')).toEqual({ a: 1 });
  for (const text of ['<html>', ''])
    expect(() => told(text)).toThrow(`GET http://h:1/: answered 200, not JSON: ${text}`);
  for (const text of ['[1]', 'null', '"x"']) {
    expect(() => told(text)).toThrow('GET http://h:1/: answered 200, Invalid input');
    expect(() => told(text)).toThrow(` in ${text}`);
  }
});
