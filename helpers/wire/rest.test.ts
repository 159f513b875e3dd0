import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { CauseClass } from '../../reports/model.ts';
import { diagnoseRest } from '../diagnose/rest.ts';
import type { Target } from '../service.ts';
import { openRest, type RestClient } from './rest.ts';

let open: AsyncDisposableStack;
beforeEach(() => {
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

async function listening(server: net.Server): Promise<string> {
  open.defer(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}
const serve = (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> =>
  listening(http.createServer(answer));
/** Answers every connection with these bytes, whatever it is asked. */
const say = (bytes: string): Promise<string> =>
  listening(
    net.createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end(bytes, 'latin1'))),
  );

function target(dialled: string, over: Partial<Target['component']> = {}, password: string | null = null): Target {
  const component = { title: 'It', tls: null, credentials: null, ...over } as Target['component'];
  return { component, secrets: { password }, route: { path: 'loopback', dial: () => dialled } };
}
const client = async (
  address: string,
  logical = 'it.svc:80',
  over = {},
  password: string | null = null,
): Promise<RestClient> => open.use(await openRest(logical, target(address, over, password), 'Basic', 300));
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

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
    const rest = await client(await echo(), 'http://it.svc:8080/prefix/');
    const asked = { query: { a: 'x y', b: 2 }, json: { c: 'ü' } };
    expect(await rest.json('POST', '/path', Echo, soon(), asked)).toEqual({
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
    const rest = await client(await echo(), 'it.svc:80', { credentials }, 'secret');
    expect((await rest.json('GET', '/', Echo, soon())).authorization).toBe(authorization);
  });

  it('ends with the reason of the signal', async () => {
    const rest = await client(await serve(() => undefined));
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(new Error('enough')), 20);
    await expect(rest.text('GET', '/', cancel.signal)).rejects.toThrow('enough');
    await expect(rest.text('GET', '/', cancel.signal)).rejects.toThrow('enough');
  });
});

describe('what is no answer', () => {
  const answer = (status: number, body: string, headers = {}): Promise<string> =>
    serve((_, response) => response.writeHead(status, headers).end(body));
  const cases: readonly (readonly [string, () => Promise<string>, CauseClass, RegExp])[] = [
    ['silent', () => serve(() => undefined), 'slow', /connected, no whole answer within 300 ms/],
    ['closed at once', () => say(''), 'unreachable', /closed without an answer/],
    ['cut in the head', () => say('HTTP/1.1 200 OK\r\ncontent-le'), 'data-wrong', /breaks off/],
    ['cut in the body', () => say('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"a"'), 'data-wrong', /breaks off/],
    ['another protocol', () => say('\x00\x00\x00\x01\x02'), 'wrong-product', /is not HTTP/],
    ['a TLS alert', () => say('\x15\x03\x01\x00\x02\x02\x46'), 'tls', /TLS alert/],
    ['a page', () => answer(200, '<html>log in</html>'), 'wrong-product', /not JSON: <html>log in/],
    ['other JSON', () => answer(200, '{"b":1}'), 'wrong-product', /a Invalid input.*in \{"b":1\}/],
    ['a redirect', () => answer(302, '', { location: 'http://login/' }), 'misconfigured', /302 to http:\/\/login\//],
    ['401', () => answer(401, 'who are you'), 'authentication', /401 who are you/],
    ['403', () => answer(403, 'no'), 'authorization', /403 no/],
    ['404', () => answer(404, ''), 'wrong-product', /404/],
    ['413', () => answer(413, ''), 'misconfigured', /413/],
    ['503', () => answer(503, 'no backend'), 'unreachable', /503 no backend/],
    ['500', () => answer(500, 'trace'), 'unexplained', /500 trace/],
    ['endless', () => answer(200, ' '.repeat(2 ** 23 + 1)), 'data-wrong', /longer than/],
    ['refused', async () => '127.0.0.1:1', 'refused', /ECONNREFUSED/],
  ];
  it.each(cases)('%s', async (_, start, expected, evidence) => {
    const rest = await client(await start());
    const error = await rest.json('GET', '/', z.object({ a: z.number() }), soon()).catch((thrown: unknown) => thrown);
    const diagnosis = diagnoseRest(error, 'It');
    expect(diagnosis?.class, String(error)).toBe(expected);
    expect(diagnosis?.evidence).toMatch(evidence);
    expect(diagnosis?.cause).toMatch(/^It/);
  });

  it('a port that does not speak TLS', async () => {
    const rest = await client(await answer(200, '{}'), 'it.svc:443', { tls: {} });
    const error = await rest.text('GET', '/', soon()).catch((thrown: unknown) => thrown);
    expect(diagnoseRest(error, 'It')?.class).toBe('tls');
  });
});
