import { z } from 'zod';
import type { Diagnosis } from '../../reports/model.ts';
import { Finding } from '../diagnose/finding.ts';
import { diagnoseKubernetes } from '../diagnose/kubernetes.ts';
import { describe } from '../diagnose/outcome.ts';
import { HttpError } from '../wire/http.ts';
import { type KubernetesApi, type KubernetesObject, qualified } from './api.ts';
import { type Kept, KINDS, type Kind, type Known, resourceOf } from './kinds.ts';

/** What one component needs listed. */
export interface Wanted {
  readonly kinds: readonly Kind[];
  /** Null: all of them. */
  readonly namespaces: readonly string[] | null;
}

/** What came of listing a kind. */
export type Listing<T> =
  | { readonly state: 'listed'; readonly items: readonly T[] }
  /** The cluster serves no such kind: the operator's CRD is not there. */
  | { readonly state: 'absent'; readonly resource: string }
  /** We could not look, or were not answered: nothing follows from that for the objects. */
  | { readonly state: 'unreadable'; readonly diagnosis: Diagnosis };

/** One look at a cluster. Plain data: preflight takes it and the workers' checks judge it. */
export interface Census {
  /** Milliseconds since the epoch. */
  readonly takenAt: number;
  readonly tookMs: number;
  /** Such as v1.36.3. */
  readonly version: string;
  /** uid of kube-system; null: we may not read it. */
  readonly clusterUid: string | null;
  /** What /readyz says: ok, or which of its checks fail; null: we may not ask. */
  readonly readyz: string | null;
  readonly listings: { readonly [K in Kind]?: Listing<Kept<K>> };
}

/**
 * Looks once, everything at the same time, at what the components need and at nothing else. What is forbidden or broken in one place leaves
 * the others whole. Throws where the API server itself can't be talked to.
 */
export async function takeCensus(api: KubernetesApi, wanted: readonly Wanted[], signal: AbortSignal): Promise<Census> {
  const began = performance.now();
  const places = placesOf(wanted);
  // Of a server that is shut, refuses us or is none, this is the first to tell.
  const version = await versionOf(api, signal);
  const groups = groupsOf(api, signal);
  const [clusterUid, readyz, ...listings] = await Promise.all([
    clusterUidOf(api, signal),
    readyzOf(api, signal),
    ...[...places].map(
      async ([kind, namespaces]) => [kind, await listing(api, kind, namespaces, groups, signal)] as const,
    ),
  ]);
  return {
    takenAt: Date.now(),
    tookMs: Math.round(performance.now() - began),
    version,
    clusterUid,
    readyz,
    listings: Object.fromEntries(listings) as Census['listings'],
  };
}

/** Kind to the namespaces in which it is asked for; null: in all. */
export function placesOf(wanted: readonly Wanted[]): ReadonlyMap<Kind, readonly string[] | null> {
  const places = new Map<Kind, readonly string[] | null>();
  for (const { kinds, namespaces } of wanted)
    for (const kind of kinds) {
      const before = places.get(kind);
      const all = namespaces === null || before === null || !KINDS[kind].namespaced;
      places.set(kind, all ? null : [...new Set([...(before ?? []), ...namespaces])]);
    }
  return places;
}

/** Group to the versions that the cluster serves; null: we may not ask. */
type Groups = ReadonlyMap<string, readonly string[]> | null;

async function listing<K extends Kind>(
  api: KubernetesApi,
  kind: K,
  namespaces: readonly string[] | null,
  groups: Promise<Groups>,
  signal: AbortSignal,
): Promise<Listing<Kept<K>>> {
  const known: Known<unknown> = KINDS[kind];
  const { group, versions, custom, fieldSelector } = known;
  const keep = known.keep as (object: KubernetesObject) => Kept<K>;
  const resource = qualified(known);
  try {
    const served = custom ? servedVersion(await groups, group, versions) : versions[0];
    if (served === undefined) return { state: 'absent', resource };
    const parts = await Promise.all(
      (namespaces ?? [null]).map((namespace) => {
        const options = { namespace, ...(fieldSelector === undefined ? {} : { fieldSelector }) };
        return api.list(resourceOf(kind, served), options, keep, signal);
      }),
    );
    return { state: 'listed', items: parts.flat() };
  } catch (error) {
    signal.throwIfAborted();
    // Of a group that is served, the kind may be missing all the same.
    if (error instanceof HttpError && error.status === 404) return { state: 'absent', resource };
    const diagnosis = diagnoseKubernetes(error, `the list of ${resource}`) ?? {
      class: 'unexplained',
      cause: `the API server can not list ${resource}`,
      remedy: 'read the evidence, and list it by kubectl',
      evidence: describe(error),
    };
    return { state: 'unreadable', diagnosis };
  }
}

const servedVersion = (groups: Groups, group: string, versions: readonly [string, ...string[]]): string | undefined =>
  groups === null ? versions[0] : versions.find((each) => groups.get(group)?.includes(each));

const Version = z.object({ gitVersion: z.string() });
const versionOf = async (api: KubernetesApi, signal: AbortSignal): Promise<string> =>
  Version.parse(await api.ask('GET', '/version', signal)).gitVersion;

const GroupList = z.object({
  groups: z.array(z.object({ name: z.string(), versions: z.array(z.object({ version: z.string() })) })),
});

async function groupsOf(api: KubernetesApi, signal: AbortSignal): Promise<Groups> {
  const answer = await api.ask('GET', '/apis', signal).catch(nullWhereForbidden);
  if (answer === null) return null;
  const { groups } = GroupList.parse(answer);
  return new Map(groups.map(({ name, versions }) => [name, versions.map(({ version }) => version)]));
}

const UID = z.object({ metadata: z.object({ uid: z.string() }) });

async function clusterUidOf(api: KubernetesApi, signal: AbortSignal): Promise<string | null> {
  const answer = await api.ask('GET', '/api/v1/namespaces/kube-system', signal).catch(nullWhereForbidden);
  return answer === null ? null : UID.parse(answer).metadata.uid;
}

/** Its failing checks come with status 500 in its text. */
const readyzOf = (api: KubernetesApi, signal: AbortSignal): Promise<string | null> =>
  api.text('/readyz', signal).catch((error: unknown) => {
    if (error instanceof HttpError && error.status === 500) return error.body;
    return nullWhereForbidden(error);
  });

function nullWhereForbidden(error: unknown): null {
  if (error instanceof HttpError && error.status === 403) return null;
  throw error;
}

/**
 * The objects of a kind in these namespaces; null: in all that were listed. Of an operator's kind that the cluster does not serve there are none.
 * Throws what kept us from listing them, as a Finding: what rests on it is unobserved where that was our own want of a right.
 */
export function itemsOf<K extends Kind>(
  { listings }: Census,
  kind: K,
  namespaces: readonly string[] | null = null,
): readonly Kept<K>[] {
  const listed = listings[kind] as Listing<Kept<K>> | undefined;
  if (!listed) throw new TypeError(`no component's service wants ${kind} listed`);
  if (listed.state === 'absent') return [];
  if (listed.state === 'unreadable') throw new Finding(listed.diagnosis);
  if (namespaces === null) return listed.items;
  return listed.items.filter(({ namespace }) => namespace === null || namespaces.includes(namespace));
}
