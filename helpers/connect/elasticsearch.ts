import type { Client, ClientOptions, estypes } from 'elasticsearch-8';
import { z } from 'zod';
import type { Diagnosis } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseElasticsearch, diagnoseStatus } from '../diagnose/elasticsearch.ts';
import { Finding } from '../diagnose/finding.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { describe } from '../diagnose/outcome.ts';
import { knockAll } from '../doors.ts';
import { removeUntilGone } from '../removal.ts';
import type { Knock, Left, ScratchEntry, Service, Target } from '../service.ts';
import { type HttpAnswer, type HttpClient, httpBase, jsonOf, openHttp } from '../wire/http.ts';

/** The official client, of the server's own major version: a client of 9 fails on a server of 8 with every call. */
export interface ElasticsearchClient extends AsyncDisposable {
  readonly api: Client;
  /** Major version of the client that was chosen. */
  readonly clientMajor: number;
  /** Creates an index that waits for its shards: one, with a copy where there is a second node for it. */
  createIndex(
    index: string,
    properties: Readonly<Record<string, estypes.MappingProperty>>,
    signal: AbortSignal,
  ): Promise<void>;
}

export const service: Service<'elasticsearch', ElasticsearchClient> = {
  type: 'elasticsearch',
  title: 'Elasticsearch',
  unit: 'nodes',
  weight: 10,
  endpoints: { http: { port: 9200, about: 'the HTTP API of one or several nodes' } },
  needs: [],
  door: 'elasticsearch.reach.http',
  settings: z.object({}),
  knock,
  open,
  diagnose: (error, { component }) => diagnose(error, component.title),
  sweep,
  present,
};

const diagnose = (error: unknown, title: string): Diagnosis | null =>
  diagnoseElasticsearch(error, title) ?? diagnoseHttp(error, title);

const addressesOf = ({ component }: Target): readonly string[] => component.endpoints.http ?? [];

const openAt = (address: string, target: Target): Promise<HttpClient> =>
  openHttp(address, target, 'Basic', BUDGETS.connect);

interface Greeting {
  readonly clusterUuid: string;
  readonly version: string;
  readonly tookMs: number;
}

const Root = z.object({ cluster_uuid: z.string(), version: z.object({ number: z.string() }) });

/** GET / of one address. Throws a Finding where it is answered by something else than a node of a formed cluster. */
async function greet(target: Target, http: HttpClient, signal: AbortSignal): Promise<Greeting> {
  const answer = await http.answer('GET', '/', signal);
  const body = answer.status === 200 ? null : safely(() => jsonOf(answer, z.unknown()));
  const refused = answer.status === 200 ? null : diagnoseStatus(answer.status, body, target.component.title);
  if (refused) throw new Finding(refused);
  if (answer.headers['x-elastic-product'] !== 'Elasticsearch') throw new Finding(otherProduct(target, answer));
  const root = safely(() => jsonOf(answer, Root));
  if (!root) throw new Finding(otherProduct(target, answer));
  const { cluster_uuid: clusterUuid, version } = root;
  if (clusterUuid === '_na_')
    throw new Finding({
      class: 'quorum-lost',
      cause: `${target.component.title}: the node has not joined a cluster yet: no master is elected`,
      remedy: 'bring a majority of the master-eligible nodes back; their logs say whom they miss',
      evidence: 'GET / answers with cluster_uuid _na_',
    });
  return { clusterUuid, version: version.number, tookMs: answer.tookMs };
}

const safely = <T>(read: () => T): T | null => {
  try {
    return read();
  } catch {
    return null;
  }
};

const otherProduct = ({ component }: Target, { status, headers, text }: HttpAnswer): Diagnosis => ({
  class: 'wrong-product',
  cause: `what answers as ${component.title} is not Elasticsearch 7.14 or later`,
  remedy: 'check the endpoint; OpenSearch, older versions and login pages answer GET / too',
  evidence: `status ${status}, x-elastic-product: ${headers['x-elastic-product'] ?? 'absent'}, ${JSON.stringify(text.slice(0, 120))}`,
});

async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const { answers, door } = await knockAll(
    target,
    addressesOf(target),
    async (address) => {
      await using http = await openAt(address, target);
      const [greeting, nodes] = await Promise.all([
        greet(target, http, signal),
        nodeCount(http, signal).catch(() => null),
      ]);
      return { ...greeting, nodes };
    },
    (error, who) =>
      (error instanceof Finding ? error.diagnosis : null) ??
      diagnoseHttp(error, who) ?? {
        class: 'unexplained',
        cause: `${who} does not let us in`,
        remedy: 'read the evidence and the log of the service',
        evidence: describe(error),
      },
  );
  const [first] = answers;
  return {
    ...door,
    version: first?.answer.version ?? null,
    achieved: first ? first.answer.nodes : door.state === 'unobserved' ? null : 0,
    observed: Object.fromEntries(answers.map(({ address, answer }) => [address, { ...answer }])),
  };
}

/** As the node itself sees it, which takes no master. */
async function nodeCount(http: HttpClient, signal: AbortSignal): Promise<number> {
  const Health = z.object({ number_of_nodes: z.number() });
  return (await http.json('GET', '/_cluster/health?local=true', Health, signal)).number_of_nodes;
}

async function open(target: Target, signal: AbortSignal): Promise<ElasticsearchClient> {
  const greetings = await Promise.allSettled(
    addressesOf(target).map(async (address) => {
      await using http = await openAt(address, target);
      return { base: await httpBase(target, address), ...(await greet(target, http, signal)) };
    }),
  );
  // The client asks one node after the other, and tries none twice: what is mute now would fail every other request.
  const there = greetings.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const [first] = there;
  if (!first) throw greetings.find((each) => each.status === 'rejected')?.reason;
  const clientMajor = Number(first.version.split('.')[0]) >= 9 ? 9 : 8;
  const { credentials } = target.component;
  const options = {
    nodes: there.map(({ base }) => base.url),
    ...(first.base.tls ? { tls: first.base.tls } : {}),
    ...(credentials ? { auth: { username: credentials.user, password: target.secrets.password ?? '' } } : {}),
    maxRetries: 0,
    requestTimeout: BUDGETS.answer,
    sniffOnStart: false,
  };
  const api = await newClient(clientMajor, options);
  return {
    api,
    clientMajor,
    async createIndex(index, properties, within) {
      const copies = (target.component.target ?? 1) > 1 ? 1 : 0;
      const settings = { number_of_shards: 1, number_of_replicas: copies };
      await api.indices.create({ index, settings, mappings: { dynamic: 'strict', properties } }, { signal: within });
    },
    [Symbol.asyncDispose]: () => api.close(),
  };
}

/** What the checks call is the same in both versions, so one type stands for both. */
async function newClient(major: number, options: Omit<ClientOptions, 'Connection'>): Promise<Client> {
  if (major === 8) return new (await import('elasticsearch-8')).Client(options);
  const { Client: Client9 } = await import('@elastic/elasticsearch');
  return new Client9(options as unknown as ConstructorParameters<typeof Client9>[0]) as unknown as Client;
}

function sweep({ api }: ElasticsearchClient, entries: readonly ScratchEntry[], signal: AbortSignal): Promise<Left[]> {
  return removeUntilGone(
    entries,
    () => indexNames(api, signal),
    (index) => api.indices.delete({ index, ignore_unavailable: true }, { signal }),
    signal,
  );
}

async function indexNames(api: Client, signal: AbortSignal): Promise<string[]> {
  const rows = await api.cat.indices({ format: 'json', h: ['index'], expand_wildcards: 'all' }, { signal });
  return rows.flatMap(({ index }) => index ?? []);
}

async function present({ api }: ElasticsearchClient, signal: AbortSignal): Promise<{ kind: string; name: string }[]> {
  return (await indexNames(api, signal)).map((name) => ({ kind: 'index', name }));
}
