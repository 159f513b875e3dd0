import type { ClusterRef } from '../../reports/model.ts';
import { type Access, secretsOf } from './access.ts';
import { type KubernetesApi, openApi } from './api.ts';
import { type Census, takeCensus, type Wanted } from './census.ts';
import { readAccess } from './kubeconfig.ts';

/** The cluster of a phase, as its components see it. */
export interface Cluster {
  /** URL of the API server. Throws NoAccess. */
  server(): Promise<string>;
  /** The one look that all components share: whoever asks first takes it. Throws where the API server can't be talked to. */
  census(signal: AbortSignal): Promise<Census>;
  /** For what a check asks by itself. */
  open(): Promise<KubernetesApi>;
}

/** What of a cluster crosses to the workers. */
export interface SeenCluster {
  readonly access: Access;
  readonly census: Census;
}

/**
 * @param dial where `host:port` of the API server is dialled
 * @param secret is told what must not stand in any output, before anyone is asked by it
 */
export function openCluster(
  ref: ClusterRef,
  wanted: readonly Wanted[],
  dial: (logical: string) => string,
  secret: (text: string) => void,
): Cluster & { seen(): Promise<SeenCluster | null> } {
  let access: Promise<Access> | null = null;
  let census: Promise<Census> | null = null;
  const reach = (): Promise<Access> => {
    access ??= readAccess(ref).then((known) => {
      for (const each of secretsOf(known)) secret(each);
      return known;
    });
    return access;
  };
  const look = async (signal: AbortSignal): Promise<Census> => {
    await using api = await openApi(await reach(), dial);
    return await takeCensus(api, wanted, signal);
  };
  return {
    server: async () => (await reach()).server,
    census(signal) {
      census ??= look(signal);
      return census;
    },
    open: async () => openApi(await reach(), dial),
    async seen() {
      if (access === null || census === null) return null;
      const [at, what] = await Promise.allSettled([access, census]);
      return at.status === 'fulfilled' && what.status === 'fulfilled' ? { access: at.value, census: what.value } : null;
    },
  };
}

/** The cluster as preflight has seen it. */
export const seenCluster = ({ access, census }: SeenCluster): Cluster => ({
  server: async () => access.server,
  census: async () => census,
  open: () => openApi(access),
});
