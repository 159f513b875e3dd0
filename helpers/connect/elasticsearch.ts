import type { Client, ClientOptions, estypes } from 'elasticsearch-8';
import { z } from 'zod';
import type { Component, Diagnosis } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseElasticsearch, diagnoseStatus } from '../diagnose/elasticsearch.ts';
import { Finding } from '../diagnose/finding.ts';
import { diagnoseHttp } from '../diagnose/http.ts';
import { describe } from '../diagnose/outcome.ts';
import { knockAll } from '../doors.ts';
import { objective } from '../objective.ts';
import type { Knock, Service, Target } from '../service.ts';
import { type HttpAnswer, type HttpClient, httpBase, jsonOf, openHttp } from '../wire/http.ts';
import { presentScratch, scratchKinds, sweepScratch } from './elasticsearch/scratch.ts';
import { bytes } from './elasticsearch/watermarks.ts';

/** The official client, of the server's own major version: a client of 9 fails on a server of 8 with every call. */
export interface ElasticsearchClient extends AsyncDisposable {
  readonly api: Client;
  /** Major version of the client that was chosen. */
  readonly clientMajor: number;
  /**
   * Creates an index that waits for its primaries: one shard, with a copy where a second node is promised, unless the settings say
   * otherwise.
   */
  createIndex(
    index: string,
    properties: Readonly<Record<string, estypes.MappingProperty>>,
    signal: AbortSignal,
    settings?: estypes.IndicesIndexSettings,
  ): Promise<void>;
  /** Whether every node has this module or plugin, by its name in `_nodes/plugins`. */
  has(module: string, signal: AbortSignal): Promise<boolean>;
  /** How the cluster refuses a look at its health to whoever calls as this; null: it lets them in. */
  refusal(as: Caller | null, signal: AbortSignal): Promise<Refusal | null>;
  /** Scratch by its kind, for the sweep. */
  readonly scratch: ReturnType<typeof scratchKinds>;
}

/** The module without which there are neither users nor keys. */
export const SECURITY = 'x-pack-security';

export interface Caller {
  readonly user: string;
  readonly password: string;
}

export interface Refusal {
  readonly status: number;
  /** What Elasticsearch calls it; empty where the answer is not its own. */
  readonly type: string;
}

const SETTINGS = z.object({
  memory: z
    .string()
    .refine(isSize, 'is no size such as 2gb')
    .exactOptional()
    .describe('what each node may use, as the limit of its container says, such as 4gb; default: what the node sees'),
  analyzers: z
    .record(z.string(), z.strictObject({ text: z.string(), tokens: z.array(z.string()) }))
    .exactOptional()
    .describe(
      'analyzers that must be there, each with a text and its tokens, such as { german: { text: Häuser, tokens: [haus] } }',
    ),
  repository: z
    .string()
    .exactOptional()
    .describe('the snapshot repository into which a scratch index is saved, and restored from; without it none is'),
  objectives: z
    .strictObject({
      indexP99: objective('milliseconds in which 99 of 100 documents of 1 KiB are acknowledged').exactOptional(),
      searchP99: objective(
        'milliseconds in which 99 of 100 searches of 10,000 small documents are answered',
      ).exactOptional(),
    })
    .exactOptional()
    .describe('what the performance checks are measured against'),
});

/** What the phase file says of an Elasticsearch beyond what every component has. */
export const settingsOf = ({ settings }: Component): z.output<typeof SETTINGS> => SETTINGS.parse(settings);

function isSize(text: string): boolean {
  try {
    return bytes(text) > 0;
  } catch {
    return false;
  }
}

export const service: Service<'elasticsearch', ElasticsearchClient> = {
  type: 'elasticsearch',
  title: 'Elasticsearch',
  unit: 'nodes',
  weight: 10,
  endpoints: { http: { port: 9200, about: 'the HTTP API of one or several nodes' } },
  needs: [],
  door: 'elasticsearch.reach.http',
  settings: SETTINGS,
  knock,
  open,
  diagnose: (error, { component }) => diagnose(error, component.title),
  sweep: ({ scratch }, entries, signal) => sweepScratch(scratch, entries, signal),
  present: ({ scratch }, signal) => presentScratch(scratch, signal),
};

const diagnose = (error: unknown, title: string): Diagnosis | null =>
  diagnoseElasticsearch(error, title) ?? diagnoseHttp(error, title);

const addressesOf = ({ component }: Target): readonly string[] => component.endpoints.http ?? [];

const openAt = (address: string, target: Target): Promise<HttpClient> =>
  openHttp(address, target, 'Basic', BUDGETS.connect);

const basic = ({ user, password }: Caller): Readonly<Record<string, string>> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

interface Greeting {
  readonly clusterUuid: string;
  readonly version: string;
  readonly tookMs: number;
}

const Refused = z.object({ error: z.object({ type: z.string() }) });
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
      return { address, base: await httpBase(target, address), ...(await greet(target, http, signal)) };
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
  const has = async (module: string, within: AbortSignal): Promise<boolean> => {
    const { nodes } = await api.nodes.info({ metric: 'plugins' }, { signal: within });
    return Object.values(nodes).every(({ modules = [], plugins = [] }) =>
      [...modules, ...plugins].some(({ name }) => name === module),
    );
  };
  return {
    api,
    clientMajor,
    scratch: scratchKinds(api, settingsOf(target.component).repository ?? null, (within) => has(SECURITY, within)),
    async createIndex(index, properties, within, more = {}) {
      const copies = (target.component.target ?? 1) > 1 ? 1 : 0;
      const settings = { number_of_shards: 1, number_of_replicas: copies, ...more };
      await api.indices.create({ index, settings, mappings: { dynamic: 'strict', properties } }, { signal: within });
    },
    has,
    async refusal(as, within) {
      await using http = await openHttp(first.address, target, null, BUDGETS.answer);
      const answer = await http.answer('GET', '/_cluster/health', within, { headers: as ? basic(as) : {} });
      if (answer.status === 200) return null;
      return { status: answer.status, type: safely(() => jsonOf(answer, Refused))?.error.type ?? '' };
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
