import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Access } from './access.ts';
import { readAccess } from './kubeconfig.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'assay-kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function write(user: object, cluster: object = {}, name = 'config'): string {
  const file = join(folder, name);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://api:6443', ...cluster } }],
    users: [{ name: 'u', user }],
  };
  writeFileSync(file, stringify(config));
  return file;
}

const read = (kubeconfig: string | null, env: NodeJS.ProcessEnv = {}, context: string | null = null): Promise<Access> =>
  readAccess({ kubeconfig, context, uid: null }, env);

describe('who we are', () => {
  test('by a token', async () => {
    const config = write({ token: 't' }, { 'certificate-authority-data': base64('ca') });
    expect(await read(config)).toEqual({
      server: 'https://api:6443',
      ca: 'ca',
      cert: null,
      key: null,
      authorization: 'Bearer t',
      servername: null,
      verified: true,
    });
  });

  test('by files that begin at the kubeconfig', async () => {
    for (const name of ['ca', 'cert', 'key', 'token']) writeFileSync(join(folder, name), `${name}\n`);
    const user = { tokenFile: 'token', 'client-certificate': 'cert', 'client-key': 'key' };
    const config = write(user, { 'certificate-authority': 'ca', 'tls-server-name': 'kubernetes' });
    expect(await read(config)).toMatchObject({
      ca: 'ca\n',
      cert: 'cert\n',
      key: 'key\n',
      authorization: 'Bearer token',
      servername: 'kubernetes',
    });
  });

  test('by user and password', async () => {
    const config = write({ username: 'u', password: 'p' }, { 'insecure-skip-tls-verify': true });
    expect(await read(config)).toMatchObject({ authorization: `Basic ${base64('u:p')}`, verified: false });
  });

  test('by a credential plugin, which is told what it is asked for', async () => {
    writeFileSync(
      join(folder, 'plugin'),
      `#!${process.execPath}
const { apiVersion, spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
const token = [process.argv[2], process.env.REGION, spec.cluster.server, spec.interactive].join(' ');
console.log(JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } }));`,
    );
    chmodSync(join(folder, 'plugin'), 0o755);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: './plugin',
      args: ['get-token'],
      env: [{ name: 'REGION', value: 'north' }],
      provideClusterInfo: true,
    };
    expect(await read(write({ exec }))).toMatchObject({
      authorization: 'Bearer get-token north https://api:6443 false',
    });
  });
});

describe('which kubeconfig', () => {
  test('several in KUBECONFIG are one, and the first to say something is right', async () => {
    const files = [write({ token: 'one' }, { server: 'https://one' }, 'one'), write({ token: 'two' }, {}, 'two')];
    const env = { KUBECONFIG: files.join(delimiter) };
    expect(await read(null, env)).toMatchObject({ server: 'https://one', authorization: 'Bearer one' });
    expect(await read(null, env, 'two')).toMatchObject({ server: 'https://one', authorization: 'Bearer one' });
  });

  test('without any it is the one at home', async () => {
    await expect(read(null, { HOME: folder })).rejects.toThrow(`${join(folder, '.kube', 'config')} can not be read`);
  });

  test("a pod's own service account, where there is one", async () => {
    await expect(read(null, { KUBERNETES_SERVICE_HOST: '10.96.0.1' })).rejects.toThrow(
      'serviceaccount/token can not be',
    );
  });
});

describe('what leads nowhere is told with its mend', () => {
  test.each<[string, () => string, string | null, { message: RegExp; remedy: RegExp }]>([
    ['a context that is not there', () => write({}), 'prod', { message: /no context prod/, remedy: /: config$/ }],
    [
      'a way that we do not know',
      () => write({ 'auth-provider': { name: 'oidc' } }),
      null,
      { message: /auth-provider/, remedy: /credential plugin/ },
    ],
    ['another user', () => write({ token: 't', as: 'admin' }), null, { message: /has as/, remedy: /service account/ }],
    [
      'a proxy',
      () => write({}, { 'proxy-url': 'http://p' }),
      null,
      { message: /proxy-url/, remedy: /context without/ },
    ],
    [
      'a plugin that fails',
      () => write({ exec: { apiVersion: 'v1', command: './none', installHint: 'install it' } }),
      null,
      { message: /plugin \.\/none gives no credentials/, remedy: /^install it$/ },
    ],
  ])('%s', async (_, config, context, expected) => {
    await expect(read(config(), {}, context)).rejects.toMatchObject({
      name: 'NoAccess',
      message: expect.stringMatching(expected.message),
      remedy: expect.stringMatching(expected.remedy),
    });
  });
});
