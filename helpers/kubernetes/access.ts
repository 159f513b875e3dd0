import net from 'node:net';

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

/** What must not stand in any output. */
export function secretsOf({ authorization, key }: Access): string[] {
  const [scheme, given = ''] = authorization?.split(' ') ?? [];
  const password =
    scheme === 'Basic'
      ? Buffer.from(given, 'base64')
          .toString()
          .replace(/^[^:]*:/, '')
      : '';
  return [given, password, key ?? ''].filter(Boolean);
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

/** A way by a token into a cluster whose address and authority are known, as a kubeconfig. */
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
