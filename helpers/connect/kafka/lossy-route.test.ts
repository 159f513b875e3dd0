import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import { direct } from '../../route.ts';
import { openLossyRoute } from './lossy-route.ts';

/** Answers each request in capitals and counts them. */
async function echo(): Promise<{ address: string; asked(): number } & AsyncDisposable> {
  let asked = 0;
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      asked++;
      socket.write(bytes.toString().toUpperCase());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function dial(address: string): { socket: net.Socket; ask(text: string): Promise<string> } {
  const [host = '', port] = address.split(':');
  const socket = net.connect({ host, port: Number(port) });
  return {
    socket,
    async ask(text) {
      socket.write(text);
      return Promise.race([
        once(socket, 'data').then(([bytes]) => String(bytes)),
        once(socket, 'close').then(() => 'closed'),
      ]);
    },
  };
}

test('one answer is lost with its connection: the service was asked, the next connection is whole', async () => {
  await using service = await echo();
  await using way = await openLossyRoute(direct('loopback'), [service.address]);
  expect(way.route.path).toBe('loopback');
  expect(way.route.dial('elsewhere:1')).toBe('elsewhere:1');
  const first = dial(way.route.dial(service.address));
  expect(await first.ask('before')).toBe('BEFORE');
  way.loseNextAnswer();
  expect(await first.ask('lost')).toBe('closed');
  expect([service.asked(), way.lost()]).toEqual([2, 1]);
  const second = dial(way.route.dial(service.address));
  expect(await second.ask('again')).toBe('AGAIN');
  second.socket.destroy();
  expect(way.lost()).toBe(1);
});
