import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import type { ClusterRef } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { describe } from '../diagnose/outcome.ts';
import { type Access, NoAccess } from './access.ts';

/*
 * A kubeconfig as kubectl reads it. Not by the usual client library: it loads models of every kind for that, which takes half a second and
 * 85 MB, a third of what a census of ten thousand pods may take.
 * Source: Kubernetes reference, "kubeconfig (v1)" and "Client Authentication (v1)".
 */

const ExecConfig = z.looseObject({
  apiVersion: z.string(),
  command: z.string(),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  installHint: z.string().nullish(),
  provideClusterInfo: z.boolean().nullish(),
});
type ExecConfig = z.infer<typeof ExecConfig>;

const text = z.string().nullish();
const Cluster = z.looseObject({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': z.boolean().nullish(),
  'tls-server-name': text,
  'proxy-url': text,
});
const User = z.looseObject({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  username: text,
  password: text,
  exec: ExecConfig.nullish(),
  as: text,
  'auth-provider': z.unknown().optional(),
});
const listOf = <T extends z.ZodType>(entry: T) =>
  z
    .array(entry)
    .nullish()
    .transform((entries) => entries ?? []);
const name = z.string();
const Kubeconfig = z.looseObject({
  'current-context': text,
  contexts: listOf(z.object({ name, context: z.looseObject({ cluster: z.string(), user: text }) })),
  clusters: listOf(z.object({ name, cluster: Cluster })),
  users: listOf(z.object({ name, user: User })),
});

/** Where the kubelet puts a pod's service account. Source: kubernetes.io, "Accessing the Kubernetes API from a Pod". */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * How the cluster is reached, and as whom. Credential plugins are run. Throws NoAccess.
 * @param env of this process, unless a test says otherwise
 */
export async function readAccess(ref: ClusterRef, env: NodeJS.ProcessEnv = process.env): Promise<Access> {
  const inCluster = ref.kubeconfig === null && !env.KUBECONFIG && env.KUBERNETES_SERVICE_HOST;
  if (inCluster) return ownAccount(inCluster, env.KUBERNETES_SERVICE_PORT ?? '443');
  const files = ref.kubeconfig === null ? defaultFiles(env) : [ref.kubeconfig];
  const configs = await Promise.all(files.map(readConfig));
  // Of several, the first that says something is right, as with kubectl.
  const contexts = configs.flatMap(({ config }) => config.contexts);
  const wanted = ref.context ?? configs.find(({ config }) => config['current-context'])?.config['current-context'];
  const context = contexts.find((entry) => entry.name === wanted)?.context;
  const cluster = configs
    .flatMap(({ folder, config }) => config.clusters.map((entry) => ({ folder, entry })))
    .find(({ entry }) => entry.name === context?.cluster);
  if (!context || !cluster)
    throw new NoAccess(
      `${files.join(', ')}: ${wanted ? `no context ${wanted} with a cluster` : 'no current context'}`,
      `give cluster.context in the phase file: ${
        contexts.map((entry) => entry.name).join(', ') || 'there is none in this kubeconfig'
      }`,
    );
  const user = configs
    .flatMap(({ folder, config }) => config.users.map((entry) => ({ folder, entry })))
    .find(({ entry }) => entry.name === context.user);
  return accessOf(cluster.entry.cluster, cluster.folder, user?.entry.user ?? {}, user?.folder ?? '', env);
}

const defaultFiles = (env: NodeJS.ProcessEnv): string[] =>
  env.KUBECONFIG ? env.KUBECONFIG.split(delimiter).filter(Boolean) : [join(env.HOME ?? homedir(), '.kube', 'config')];

async function readConfig(file: string): Promise<{ folder: string; config: z.infer<typeof Kubeconfig> }> {
  try {
    return { folder: dirname(file), config: Kubeconfig.parse(parse(await readFile(file, 'utf8'))) };
  } catch (error) {
    throw new NoAccess(
      `the kubeconfig ${file} can not be read: ${error instanceof z.ZodError ? z.prettifyError(error) : describe(error)}`,
      'give cluster.kubeconfig in the phase file, or set KUBECONFIG',
      error,
    );
  }
}

async function ownAccount(host: string, port: string): Promise<Access> {
  const token = (await fileOf(join(ACCOUNT, 'token'))).trim();
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: await fileOf(join(ACCOUNT, 'ca.crt')),
    cert: null,
    key: null,
    authorization: `Bearer ${token}`,
    servername: null,
    verified: true,
  };
}

async function accessOf(
  cluster: z.infer<typeof Cluster>,
  clusterFolder: string,
  user: z.infer<typeof User>,
  userFolder: string,
  env: NodeJS.ProcessEnv,
): Promise<Access> {
  // Whoever went on without these would look at another cluster, or as another user.
  for (const [field, value] of [
    ['proxy-url', cluster['proxy-url']],
    ['as', user.as],
    ['auth-provider', user['auth-provider']],
  ])
    if (value)
      throw new NoAccess(
        `the kubeconfig has ${field}, which we do not know how to use`,
        field === 'auth-provider'
          ? 'take a credential plugin (exec), as kubectl does since 1.26'
          : 'give a context without it, such as that of a service account (kubectl create token)',
      );
  const either = async (folder: string, data?: string | null, file?: string | null): Promise<string | null> =>
    data ? Buffer.from(data, 'base64').toString() : file ? fileOf(resolve(folder, file)) : null;
  const issued = user.exec ? await runPlugin(user.exec, cluster, userFolder, env) : null;
  const token =
    issued?.token ?? user.token ?? (user.tokenFile ? (await fileOf(resolve(userFolder, user.tokenFile))).trim() : null);
  const basic = user.username ? Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64') : null;
  return {
    server: cluster.server,
    ca: await either(clusterFolder, cluster['certificate-authority-data'], cluster['certificate-authority']),
    cert:
      issued?.clientCertificateData ??
      (await either(userFolder, user['client-certificate-data'], user['client-certificate'])),
    key: issued?.clientKeyData ?? (await either(userFolder, user['client-key-data'], user['client-key'])),
    authorization: token ? `Bearer ${token}` : basic && `Basic ${basic}`,
    servername: cluster['tls-server-name'] ?? null,
    verified: cluster['insecure-skip-tls-verify'] !== true,
  };
}

async function fileOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new NoAccess(
      `${file} can not be read: ${describe(error)}`,
      'put the file there that the kubeconfig names',
      error,
    );
  }
}

const ExecCredential = z.object({
  status: z.object({ token: text, clientCertificateData: text, clientKeyData: text }),
});

async function runPlugin(
  { apiVersion, command, args, env: own, installHint, provideClusterInfo }: ExecConfig,
  cluster: z.infer<typeof Cluster>,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<z.infer<typeof ExecCredential>['status']> {
  const spec = { interactive: false, ...(provideClusterInfo ? { cluster } : {}) };
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec });
  // A bare name is looked for on PATH, any other way begins at the kubeconfig.
  const file = command.includes('/') ? resolve(folder, command) : command;
  const variables = Object.fromEntries((own ?? []).map(({ name, value }) => [name, value]));
  try {
    const { stdout } = await promisify(execFile)(file, [...(args ?? [])], {
      env: { ...env, ...variables, KUBERNETES_EXEC_INFO: info },
      timeout: BUDGETS.answer,
    });
    return ExecCredential.parse(JSON.parse(stdout)).status;
  } catch (error) {
    throw new NoAccess(
      `the credential plugin ${command} gives no credentials: ${describe(error)}`,
      installHint ?? 'run it by hand; log in again where a session has ended',
      error,
    );
  }
}
