import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Component, Tls } from '../../reports/model.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { diagnoseWire } from '../diagnose/wire.ts';
import { direct } from '../route.ts';
import { get, type HttpAnswer, HttpError, httpBase, jsonObject } from './http.ts';

const target = (tls: Tls | null, route = direct('direct')) => ({
  component: { tls } as unknown as Component,
  secrets: { password: null },
  route,
});

/** A server that does this with every connection. */
async function peer(on: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    on(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

const answering = (text: string, end = true) =>
  peer((socket) =>
    socket.once('data', () => {
      socket.write(text);
      if (end) socket.end();
    }),
  );

async function ask(address: string, tls: Tls | null = null, signal = new AbortController().signal) {
  return get(await httpBase(target(tls), address), '/', {}, signal);
}

async function failure(address: string, tls: Tls | null = null): Promise<string> {
  const error = await ask(address, tls).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  const diagnosis = diagnoseHttp(error, 'It') ?? diagnoseWire(error, 'It');
  return `${diagnosis?.class}: ${error instanceof HttpError ? error.kind : (error as NodeJS.ErrnoException).code}`;
}

test('an answer has status, headers and text; a redirect is one like others', async () => {
  const address = await answering('HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 2\r\n\r\n{}');
  const { status, headers, text } = await ask(address);
  expect([status, headers.location, text]).toEqual([302, '/login', '{}']);
});

test('what comes instead of an answer has a class', async () => {
  const closed = await peer((socket) => socket.once('data', () => socket.end()));
  const refused = await answering('');
  const [, port = ''] = refused.split(':');
  expect(await failure(closed)).toBe('unreachable: closed');
  expect(await failure(await answering('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'))).toBe('data-wrong: truncated');
  expect(await failure(await answering('HTTP/1.1 20'))).toBe('data-wrong: truncated');
  expect(await failure(await answering('220 smtp ready\r\n'))).toBe('wrong-product: not-http');
  expect(await failure(await answering('\x15\x03\x01\x00\x02\x02\x46'))).toBe('tls: tls-expected');
  expect(await failure(await answering('HTTP/1.1 400 Bad Request\r\n\r\n'), {})).toBe('tls: EPROTO');
  expect(await failure(await answering(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5_000_000)}`))).toBe(
    'wrong-product: too-long',
  );
  expect(port).not.toBe('');
});

test('a port where nothing listens is refused', async () => {
  expect(await failure('127.0.0.1:1')).toBe('refused: ECONNREFUSED');
});

test('who accepts and says nothing is slow', async () => {
  expect(await failure(await peer(() => undefined))).toBe('slow: silent');
});

test('the signal cuts the exchange with its reason', async () => {
  const address = await peer(() => undefined);
  await expect(ask(address, null, AbortSignal.timeout(50))).rejects.toThrow(/timeout/);
  await expect(ask(address, null, AbortSignal.abort(new Error('no')))).rejects.toThrow('no');
});

test.each([
  ['h:9200', null, 'http://h:9200', null],
  ['h:9200', {}, 'https://h:9200', { servername: 'h' }],
  ['10.0.0.1:9200', {}, 'https://10.0.0.1:9200', {}],
  ['h:9200', { servername: 's' }, 'https://h:9200', { servername: 's' }],
  ['http://h:80/base/', {}, 'http://h:80/base', null],
  ['https://h/base', null, 'https://h:443/base', { servername: 'h' }],
] as const)('%s with TLS %j is dialled as %s', async (address, tls, url, options) => {
  expect(await httpBase(target(tls), address)).toEqual({ logical: address, url, tls: options });
});

test('the route says where it is dialled, the name in the certificate stays', async () => {
  const route = {
    path: 'port-forward',
    dial: (logical: string) => (logical === 'h:443' ? '127.0.0.1:5' : '?'),
  } as const;
  expect(await httpBase(target(null, route), 'https://h/base')).toMatchObject({
    url: 'https://127.0.0.1:5/base',
    tls: { servername: 'h' },
  });
});

test('a body that is no JSON object is told', async () => {
  const base = await httpBase(target(null), 'h:1');
  const answer = (text: string): HttpAnswer => ({ status: 200, headers: {}, text, tookMs: 0 });
  expect(jsonObject(base, answer('{"a":1}'))).toEqual({ a: 1 });
  for (const text of ['<html>', '[1]', 'null', '"x"', ''])
    expect(() => jsonObject(base, answer(text))).toThrow(`h:1: answered 200 with ${JSON.stringify(text)}`);
});
