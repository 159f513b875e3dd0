import type { RequestOptions } from 'node:https';
import net from 'node:net';
import type { ClusterRef } from '../../reports/model.ts';
import { describe } from '../diagnose/outcome.ts';

/** How one cluster's API is reached, and as whom. Plain data, so that it crosses to the workers; in memory only, as it holds secrets. */
export interface Access {
  /** URL of the API server, as the kubeconfig has it. */
  readonly server: string;
  /** PEM of the authorities; null: the system's. */
  readonly ca: string | null;
  /** PEM of a client certificate and its key. */
  readonly cert: string | null;
  readonly key: string | null;
  /** The whole header; null: the certificate says who we are. */
  readonly authorization: string | null;
  readonly servername: string | null;
  /** False only where the kubeconfig says so: whoever answers is believed. */
  readonly verified: boolean;
}

/** No kubeconfig, or one that leads nowhere: nothing of the cluster can be said. */
export class NoAccess extends Error {
  override readonly name = 'NoAccess';
  readonly remedy: string;

  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, { cause });
    this.remedy = remedy;
  }
}

/**
 * Reads the kubeconfig as kubectl does, credential plugins and the pod's own service account included. The client library is loaded for this
 * alone, in one process of a run: its models of all kinds take half a second and 85 MB.
 * Throws NoAccess.
 */
export async function readAccess({ kubeconfig, context }: ClusterRef): Promise<Access> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const from = kubeconfig ?? 'the default kubeconfig';
  try {
    if (kubeconfig === null) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new NoAccess(
      `${from} can not be read: ${describe(error)}`,
      'give cluster.kubeconfig in the phase file, or set KUBECONFIG',
      error,
    );
  }
  if (context !== null) config.setCurrentContext(context);
  const cluster = config.getContextObject(config.getCurrentContext()) && config.getCurrentCluster();
  if (!cluster)
    throw new NoAccess(
      `${from} has no context ${JSON.stringify(config.getCurrentContext() ?? null)} that names a cluster of it`,
      `give cluster.context in the phase file: one of ${
        config
          .getContexts()
          .map(({ name }) => name)
          .join(', ') || 'those of another kubeconfig'
      }`,
    );
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    throw new NoAccess(
      `the credentials of ${from} can not be had: ${describe(error)}`,
      'run the credential plugin that the kubeconfig names by hand; log in again where a token has expired',
      error,
    );
  }
  const { ca, cert, key, servername, rejectUnauthorized, auth } = options;
  const header = (options.headers as Readonly<Record<string, string>> | undefined)?.Authorization ?? null;
  return {
    server: cluster.server,
    ca: pem(ca),
    cert: pem(cert),
    key: pem(key),
    authorization: auth ? `Basic ${Buffer.from(auth).toString('base64')}` : header,
    servername: servername ?? null,
    verified: rejectUnauthorized !== false,
  };
}

const pem = (value: RequestOptions['ca' | 'key']): string | null =>
  value === undefined ? null : ([value].flat() as (string | Buffer)[]).map(String).join('\n');

/** A service account's way into a cluster whose address and authority are known, as a kubeconfig. */
export const kubeconfigOf = ({ server, ca }: { readonly server: string; readonly ca: string }, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'local', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name: 'local', user: { token } }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: 'local' } }],
    'current-context': 'local',
  });

/** The name in the server's certificate: as told, else the host's, which an address has none of. */
export function servernameOf({ server, servername }: Access): string | undefined {
  const { hostname } = new URL(server);
  return servername ?? (net.isIP(hostname.replace(/^\[|\]$/g, '')) ? undefined : hostname);
}
