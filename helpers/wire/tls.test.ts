import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUDGETS } from '../budgets.ts';
import { verifiedCertificate } from './tls.ts';

/** A short one, for this file's time; put back for files that share its worker. */
const usual = { ...BUDGETS };
let folder: string;
let key: string;
let cert: string;

beforeAll(async () => {
  Object.assign(BUDGETS, { connect: 400 });
  folder = await mkdtemp(join(tmpdir(), 'assay-tls-'));
  const subject = ['-subj', '/O=Tests/CN=broker.test', '-addext', 'subjectAltName=DNS:broker.test'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '20'];
  await promisify(execFile)('openssl', ['req', ...options, ...files, ...subject]);
  [key, cert] = await Promise.all([
    readFile(join(folder, 'key.pem'), 'utf8'),
    readFile(join(folder, 'cert.pem'), 'utf8'),
  ]);
});
afterAll(async () => {
  Object.assign(BUDGETS, usual);
  await rm(folder, { recursive: true });
});

const never = new AbortController().signal;

async function listen(server: net.Server): Promise<{ host: string; port: number } & AsyncDisposable> {
  const open = new Set<net.Socket>();
  server.on('connection', (socket) => open.add(socket.on('error', () => undefined)));
  server.on('tlsClientError', () => undefined);
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

test('a certificate of the given authority for the given name, with its end', async () => {
  await using endpoint = await listen(tls.createServer({ key, cert }));
  const { validTo, ...rest } = await verifiedCertificate(endpoint, { ca: cert, servername: 'broker.test' }, never);
  const name = 'O=Tests, CN=broker.test';
  expect(rest).toEqual({ subject: name, issuer: name, protocol: 'TLSv1.3' });
  expect(Math.round((validTo.getTime() - Date.now()) / 86_400_000)).toBe(20);
});

test.for<[string, () => tls.ConnectionOptions, string]>([
  ['of an authority that we do not know', () => ({ servername: 'broker.test' }), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['for another name', () => ({ ca: cert, servername: 'other.test' }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
])('a certificate %s is none', async ([, options, code]) => {
  await using endpoint = await listen(tls.createServer({ key, cert }));
  await expect(verifiedCertificate(endpoint, options(), never)).rejects.toMatchObject({ code });
});

test('a peer that says nothing is given up in time', async () => {
  await using endpoint = await listen(net.createServer());
  await expect(verifiedCertificate(endpoint, { ca: cert }, never)).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    message: expect.stringContaining('no TLS handshake within 400 ms'),
  });
});

test('the signal aborts with its reason', async () => {
  await using endpoint = await listen(net.createServer());
  const reason = new Error('enough');
  await expect(verifiedCertificate(endpoint, { ca: cert }, AbortSignal.abort(reason))).rejects.toBe(reason);
});
