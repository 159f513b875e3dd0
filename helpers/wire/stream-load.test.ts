import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { diagnoseDoris } from '../diagnose/doris.ts';
import { type LoadRequest, put } from './stream-load.ts';

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;

interface Peer {
  readonly address: string;
  /** Authorization of each request that came. */
  readonly logins: (string | undefined)[];
  readonly bodies: string[];
}

async function peer(handle: Handler): Promise<Peer> {
  const logins: (string | undefined)[] = [];
  const bodies: string[] = [];
  const server = http.createServer().on('checkContinue', async (request, response) => {
    logins.push(request.headers.authorization);
    await handle(request, response);
    if (!response.headersSent) {
      response.writeContinue();
      bodies.push(await text(request));
      response.end('{"Status":"Success"}');
    }
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return { address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, logins, bodies };
}

const leadTo = (address: () => string) => (_: unknown, response: http.ServerResponse) =>
  response.writeHead(307, { location: `http://assay:pass%40word@${address()}/api/d/t/_stream_load?` }).end();

const load = (frontend: Peer, backends: readonly Peer[]): LoadRequest => ({
  frontend: frontend.address,
  path: '/api/d/t/_stream_load',
  headers: { label: 'l' },
  body: '[{"k":1}]',
  login: { user: 'assay', password: 'pass@word' },
  dial: (address) => address,
  isBackend: (address) => backends.some((backend) => backend.address === address),
});

const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const BASIC = `Basic ${btoa('assay:pass@word')}`;

describe('a stream load', () => {
  test('goes to the BE that the FE leads to; the body is sent there alone', async () => {
    const backend = await peer(() => undefined);
    const frontend = await peer(leadTo(() => backend.address));
    const answer = await put(load(frontend, [backend]), soon());
    expect(answer).toEqual({ body: { Status: 'Success' }, by: backend.address, redirects: 1, continued: true });
    expect([frontend.logins, backend.logins]).toEqual([[BASIC], [BASIC]]);
    expect([frontend.bodies, backend.bodies]).toEqual([[], ['[{"k":1}]']]);
  });

  test('never takes its credentials to a host that is no BE, nor prints them', async () => {
    const collector = await peer(() => undefined);
    const frontend = await peer(leadTo(() => collector.address));
    const error = await put(load(frontend, []), soon()).catch((thrown: unknown) => thrown);
    expect(collector.logins).toEqual([]);
    expect(error).toMatchObject({ name: 'LoadError', kind: 'led-astray', node: `FE at ${frontend.address}` });
    expect(diagnoseDoris(error, 'Doris')).toMatchObject({
      class: 'misconfigured',
      subject: `FE at ${frontend.address}`,
    });
    expect(JSON.stringify([error, String(error), diagnoseDoris(error, 'Doris')])).not.toMatch(/pass(@|%40)word/);
  });

  test('is not led in circles', async () => {
    const backend: Peer = await peer(leadTo(() => backend.address));
    const frontend = await peer(leadTo(() => backend.address));
    await expect(put(load(frontend, [backend]), soon())).rejects.toMatchObject({ kind: 'led-on' });
    expect(backend.logins.length).toBe(2);
  });

  test('names the BE that can not be reached', async () => {
    const backend = await peer(() => undefined);
    const frontend = await peer(leadTo(() => backend.address));
    servers[0]?.close();
    const error = await put(load(frontend, [backend]), soon()).catch((thrown: unknown) => thrown);
    expect(diagnoseDoris(error, 'Doris')).toMatchObject({ class: 'refused', subject: `BE at ${backend.address}` });
  });

  test('tells a login page from the JSON of Doris', async () => {
    const page = await peer((_, response) => response.end('<html>log in</html>'));
    await expect(put(load(page, []), soon())).rejects.toMatchObject({ kind: 'not-json' });
  });
});
