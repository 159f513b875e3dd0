import { z } from 'zod';
import { BUDGETS } from '../budgets.ts';
import { HttpError, type Method, openServer } from '../wire/http.ts';
import { type Access, servernameOf } from './access.ts';

/** A page of pods has a megabyte; one kind without pages may have many. */
const MOST_BYTES = 128 * 2 ** 20;
/** Objects of one page. kubectl asks for 500, which takes as long and half as much memory again (npm run bench). */
const PAGE = 100;

/** What may be done with objects of a kind: the words of RBAC. */
export type Verb = 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete';

/** A kind of object as the API serves it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** The API server forbids it: nothing follows from that for the object, which may be there or not. */
export class Forbidden extends Error {
  override readonly name = 'Forbidden';
  readonly verb: Verb;
  /** As RBAC writes it: `pods`, `applications.argoproj.io`. */
  readonly resource: string;
  readonly namespace: string | null;

  constructor(verb: Verb, resource: string, namespace: string | null, cause: HttpError) {
    super(`${verb} ${resource} ${placeOf(namespace)}: ${messageOf(cause)}`, { cause });
    this.verb = verb;
    this.resource = resource;
    this.namespace = namespace;
  }
}

export const placeOf = (namespace: string | null): string =>
  namespace === null ? 'in all namespaces' : `in namespace ${namespace}`;

export const qualified = ({ plural, group }: Pick<Resource, 'plural' | 'group'>): string =>
  group === '' ? plural : `${plural}.${group}`;

/** What the API server says in an error's body. Source: Kubernetes API concepts, "Status". */
export function messageOf(error: HttpError): string {
  try {
    const { message } = JSON.parse(error.body) as { message?: unknown };
    return typeof message === 'string' ? message : error.message;
  } catch {
    return error.message;
  }
}

export interface ListOptions {
  /** Null: all of them at once. */
  readonly namespace: string | null;
  readonly fieldSelector?: string;
}

/** The Kubernetes API by plain HTTP. Throws Forbidden for a 403, and HttpError and what Node throws for all else. */
export interface KubernetesApi extends AsyncDisposable {
  /** JSON of one exchange, as it is. */
  ask(method: Method, path: string, signal: AbortSignal, asked?: Asked): Promise<unknown>;
  /** The text of a GET, such as that of /readyz. */
  text(path: string, signal: AbortSignal): Promise<string>;
  /**
   * Lists a kind page by page, and keeps of each object what `keep` makes of it: a page is let go of before the next comes.
   * Starts over, once, where the continuation has expired (410).
   */
  list<T>(
    resource: Resource,
    options: ListOptions,
    keep: (object: KubernetesObject) => T,
    signal: AbortSignal,
  ): Promise<T[]>;
}

export interface Asked {
  readonly query?: Readonly<Record<string, string | number>>;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As the API sends it: of no field is it known that it is there. */
export interface KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
    readonly generation?: number;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
      readonly controller?: boolean;
    }[];
  };
  // biome-ignore lint/suspicious/noExplicitAny: a CRD's fields are whatever its operator writes; readers name what they expect
  readonly [field: string]: any;
}

const Page = z.looseObject({
  metadata: z.looseObject({ continue: z.string().optional() }),
  items: z.array(z.unknown()).nullable(),
});

/** @param withinMs for one exchange */
export async function openApi(
  access: Access,
  dial: (logical: string) => string = (to) => to,
  withinMs: number = BUDGETS.answer,
): Promise<KubernetesApi> {
  const base = new URL(access.server);
  const servername = servernameOf(access);
  const port = base.port || (base.protocol === 'https:' ? 443 : 80);
  const path = base.pathname.replace(/\/$/, '');
  const http = await openServer({
    called: `${base.protocol}//${base.hostname}:${port}${path}`,
    url: `${base.protocol}//${dial(`${base.hostname}:${port}`)}${path}`,
    tls:
      base.protocol === 'http:'
        ? null
        : {
            ...(access.ca === null ? {} : { ca: access.ca }),
            ...(access.cert === null ? {} : { cert: access.cert }),
            ...(access.key === null ? {} : { key: access.key }),
            ...(servername === undefined ? {} : { servername }),
            rejectUnauthorized: access.verified,
          },
    authorization: access.authorization,
    withinMs,
    mostBytes: MOST_BYTES,
    reuse: true,
  });
  const ask: KubernetesApi['ask'] = (method, path, signal, asked) =>
    http.json(method, path, z.unknown(), signal, asked);

  async function pages<T>(
    resource: Resource,
    { namespace, fieldSelector }: ListOptions,
    keep: (object: KubernetesObject) => T,
    signal: AbortSignal,
  ): Promise<T[]> {
    const kept: T[] = [];
    let next: string | undefined;
    do {
      const query = {
        limit: PAGE,
        ...(next === undefined ? {} : { continue: next }),
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
      };
      const page = await http.json('GET', pathOf(resource, namespace), Page, signal, { query });
      for (const item of page.items ?? []) kept.push(keep(item as KubernetesObject));
      next = page.metadata.continue || undefined;
    } while (next !== undefined);
    return kept;
  }

  return {
    ask,
    text: (path, signal) => http.text('GET', path, signal),
    async list(resource, options, keep, signal) {
      try {
        return await pages(resource, options, keep, signal).catch((error: unknown) => {
          if (!(error instanceof HttpError) || error.status !== 410) throw error;
          return pages(resource, options, keep, signal);
        });
      } catch (error) {
        if (error instanceof HttpError && error.status === 403)
          throw new Forbidden('list', qualified(resource), options.namespace, error);
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

/** Where objects of a kind are; with a name, one of them. */
export function pathOf({ group, version, plural }: Resource, namespace: string | null, name?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const place = namespace === null ? '' : `/namespaces/${namespace}`;
  return `${root}${place}/${plural}${name === undefined ? '' : `/${name}`}`;
}
