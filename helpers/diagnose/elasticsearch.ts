import type { Diagnosis } from '../../reports/model.ts';
import { causes, HUNG_UP, type Rule, SILENT } from './wire.ts';

const NO_MASTER: Rule = {
  class: 'quorum-lost',
  cause: 'the cluster has no elected master',
  remedy: 'bring a majority of the master-eligible nodes back; their logs say whom they miss',
};

const FLOOD_STAGE: Rule = {
  class: 'volume',
  cause: 'the disk passed the flood-stage watermark, so indices only take deletions',
  remedy: 'free space or enlarge the volume; the block goes away by itself below the high watermark',
};

/**
 * What Elasticsearch calls its errors. Source: the reference, "Cluster-level shard allocation" (watermarks) and "Index block settings";
 * the reasons were read off an 8.19.21.
 */
const TYPES: { readonly [type: string]: Rule | ((reason: string) => Rule) } = {
  security_exception: {
    class: 'authentication',
    cause: 'the declared credentials are refused',
    remedy: 'check `credentials` of the phase file against the Secret of the cluster',
  },
  cluster_block_exception: (reason) => {
    if (/flood-stage|read-only-allow-delete/.test(reason)) return FLOOD_STAGE;
    if (/no master|state not recovered/.test(reason)) return NO_MASTER;
    return {
      class: 'misconfigured',
      cause: 'a block forbids what was asked',
      remedy: 'find who set the block in GET _cluster/settings or in the settings of the index, and remove it',
    };
  },
  master_not_discovered_exception: NO_MASTER,
  not_master_exception: NO_MASTER,
  media_type_header_exception: {
    class: 'wrong-product',
    cause: 'the server refuses the media types of this major version of the client',
    remedy: 'ask it with the client of its own major version',
  },
  circuit_breaking_exception: {
    class: 'slow',
    cause: 'a circuit breaker refuses requests to keep the heap from overflowing',
    remedy: 'look at GET _nodes/stats/breaker; raise the heap or lower the load',
  },
  es_rejected_execution_exception: {
    class: 'slow',
    cause: 'the queue of a thread pool is full',
    remedy: 'look at GET _cat/thread_pool; lower the load or add nodes',
  },
  too_many_buckets_exception: {
    class: 'misconfigured',
    cause: 'an aggregation has more buckets than search.max_buckets allows',
    remedy: 'set search.max_buckets back to its default (65536), in GET _cluster/settings',
  },
  repository_verification_exception: {
    class: 'volume',
    cause: 'a node can not write to the snapshot repository, or does not see what another one wrote',
    remedy:
      'mount the same storage on every node, or look at the credentials in the keystore of the node that is named',
  },
  repository_missing_exception: {
    class: 'not-deployed',
    cause: 'the snapshot repository does not exist',
    remedy: 'register it (PUT _snapshot/<name>), or name another one in the phase file',
  },
  unavailable_shards_exception: {
    class: 'quorum-lost',
    cause: 'the primary shard is not active',
    remedy: 'ask GET _cluster/allocation/explain why it has no node',
  },
  no_shard_available_action_exception: {
    class: 'quorum-lost',
    cause: 'no copy of the shard is active',
    remedy: 'ask GET _cluster/allocation/explain why it has no node',
  },
};

const NO_LOGIN: Rule = {
  class: 'authentication',
  cause: 'it wants credentials',
  remedy: 'check `credentials` of the phase file against the Secret of the cluster',
};

const FORBIDDEN: Rule = {
  class: 'authorization',
  cause: 'our user may not do what this check does',
  remedy: 'give the role of the suite the privileges that the README lists',
};

const NOTHING_BEHIND: Rule = {
  class: 'unreachable',
  cause: 'what stands before the cluster finds no node behind it',
  remedy: 'look at the endpoints of the Service, and at the log of the ingress',
};

/**
 * What an answer with this status means; null: nothing that is known here.
 * @param body its JSON, where there is any; an item of a bulk answer has the same shape
 */
export function diagnoseStatus(status: number, body: unknown, title: string): Diagnosis | null {
  const { type, reason } = errorOf(body);
  const known = TYPES[type];
  const rule =
    status === 403 && type === 'security_exception'
      ? FORBIDDEN
      : known !== undefined
        ? typeof known === 'function'
          ? known(reason)
          : known
        : byStatus(status, type);
  if (!rule) return null;
  const evidence = [`status ${status}`, type, reason].filter(Boolean).join(': ').slice(0, 1_000);
  return { ...rule, cause: `${title}: ${rule.cause}`, evidence };
}

const NOT_NOW: Rule = {
  class: 'quorum-lost',
  cause: 'it can not serve this request now',
  remedy: 'look at GET _cluster/health, and ask GET _cluster/allocation/explain for shards without a node',
};

function byStatus(status: number, type: string): Rule | null {
  // An error that has a type is Elasticsearch's own, not that of a proxy.
  if (status === 503 && type !== '') return NOT_NOW;
  if (status === 401) return NO_LOGIN;
  if (status === 403) return FORBIDDEN;
  if (status === 502 || status === 503 || status === 504) return NOTHING_BEHIND;
  return null;
}

/** Of an error and what caused it, which a search wraps, the first that is known here; else the outermost. */
function errorOf(body: unknown): { type: string; reason: string } {
  const outermost = (body as { error?: unknown } | null)?.error;
  const told: { type: string; reason: string }[] = [];
  for (let at = outermost; typeof at === 'object' && at !== null; ) {
    const { type, reason, caused_by: cause } = at as { type?: unknown; reason?: unknown; caused_by?: unknown };
    told.push({ type: String(type ?? ''), reason: String(reason ?? '') });
    at = cause;
  }
  return told.find(({ type }) => TYPES[type] !== undefined) ?? told[0] ?? { type: '', reason: '' };
}

/** Errors of the client by their name. Source: @elastic/transport, src/errors.ts. */
const CLIENT: { readonly [name: string]: Rule } = {
  TimeoutError: SILENT,
  DeserializationError: {
    class: 'data-wrong',
    cause: 'an answer can not be decoded',
    remedy: 'look for a proxy or a faulty network between here and the cluster',
  },
  ProductNotSupportedError: {
    class: 'wrong-product',
    cause: 'what answers is not Elasticsearch 7.14 or later',
    remedy: 'check the endpoint; OpenSearch and older versions do not name the product in their answers',
  },
};

/** undici's words, which the client takes over without the code. */
const CLOSED = /other side closed|terminated|socket hang up/;
const NOT_HTTP = /does not match the HTTP\/1\.1 protocol|Parse Error|Invalid/;

/** What @elastic/elasticsearch threw, in the words of Elasticsearch; null when it is not its to explain. */
export function diagnoseElasticsearch(error: unknown, title: string): Diagnosis | null {
  for (const e of causes(error)) {
    if (e.name === 'ResponseError' && 'statusCode' in e)
      return diagnoseStatus(Number(e.statusCode), 'body' in e ? e.body : null, title);
    const rule = CLIENT[e.name] ?? (e.name === 'ConnectionError' ? connectionRule(e.message) : null);
    if (rule) return { ...rule, cause: `${title}: ${rule.cause}`, evidence: `${e.name}: ${e.message}` };
  }
  return null;
}

function connectionRule(message: string): Rule | null {
  if (CLOSED.test(message)) return HUNG_UP;
  if (NOT_HTTP.test(message)) return CLIENT.DeserializationError ?? null;
  return null;
}

interface Explanation {
  readonly index?: string | undefined;
  readonly shard?: number | undefined;
  readonly primary?: boolean | undefined;
  readonly can_allocate?: string | undefined;
  readonly allocate_explanation?: string | undefined;
  readonly unassigned_info?: { readonly reason?: string | undefined } | undefined;
  readonly node_allocation_decisions?: readonly {
    readonly deciders?: readonly { readonly decider: string; readonly explanation: string }[] | undefined;
  }[];
}

/** How many nodes that hold data there are, and how many nodes were promised. */
interface Nodes {
  readonly data: number;
  readonly promised: number;
}

/** Why a shard has no node, by the deciders that said no. Source: the reference, "Cluster allocation explain API". */
const DECIDERS: { readonly [decider: string]: Rule } = {
  disk_threshold: {
    class: 'volume',
    cause: 'no node has the disk space that the watermarks ask for',
    remedy: 'free space or enlarge the volumes',
  },
  filter: {
    class: 'misconfigured',
    cause: 'the allocation filters leave no node for it',
    remedy: 'look at index.routing.allocation and cluster.routing.allocation, and at the attributes of the nodes',
  },
  enable: {
    class: 'misconfigured',
    cause: 'allocation is switched off',
    remedy: 'set cluster.routing.allocation.enable back to all; it is often left behind by an upgrade',
  },
  max_retry: {
    class: 'volume',
    cause: 'it failed on its nodes too often, so that no further try is made',
    remedy: 'read the failure in the evidence, mend it, then POST _cluster/reroute?retry_failed=true',
  },
  shards_limit: {
    class: 'misconfigured',
    cause: 'a limit of shards for each node leaves no node for it',
    remedy: 'raise total_shards_per_node of the index or of the cluster, or add a node',
  },
  awareness: {
    class: 'misconfigured',
    cause: 'the awareness of zones leaves no node for it',
    remedy: 'look at cluster.routing.allocation.awareness, and for a zone without nodes',
  },
  node_version: {
    class: 'misconfigured',
    cause: 'the nodes without a copy of it run an older version than its primary',
    remedy: 'finish the upgrade of the nodes',
  },
};

const NODE_MISSING: Rule = {
  class: 'not-redundant',
  cause: 'the node that would hold it is missing',
  remedy: "look at the missing node's pod, its log and its volume",
};

/** The copies of a shard are on nodes of their own, so that one node has no place for any replica. */
const TOO_MANY_COPIES: Rule = {
  class: 'misconfigured',
  cause: 'every node has a copy already, and its index asks for more copies than there are nodes',
  remedy:
    'set index.number_of_replicas of the index and of its template to what the nodes can hold (0 on one node: then snapshots are the only other copy), or promise and add a node',
};

/**
 * What keeps a shard unassigned, from the answer to GET _cluster/allocation/explain, which picks a primary before a replica.
 * @param nodes tells a missing node from an index that asks for too much
 */
export function explainUnassigned(answer: Explanation, nodes?: Nodes): Diagnosis {
  const deciders = (answer.node_allocation_decisions ?? []).flatMap(({ deciders = [] }) => deciders);
  const rule = ruleOf(answer, deciders, nodes);
  const shard = `shard ${answer.shard} of ${answer.index}`;
  return {
    class: rule.class,
    cause: `the ${answer.primary ? 'primary' : 'replica'} of ${shard} is on no node: ${rule.cause}`,
    remedy: rule.remedy,
    evidence: [answer.unassigned_info?.reason, answer.allocate_explanation, ...deciders.map((each) => each.explanation)]
      .filter(Boolean)
      .join('; ')
      .slice(0, 1_000),
    ...(rule === NODE_MISSING ? { subject: MISSING_NODE } : {}),
  };
}

/** The subject of all that fails because a promised node is not there. */
export const MISSING_NODE = 'the missing node';

function ruleOf(answer: Explanation, deciders: readonly { readonly decider: string }[], nodes?: Nodes): Rule {
  const known = deciders.map(({ decider }) => DECIDERS[decider]).find((each) => each !== undefined);
  if (known) return known;
  if (answer.can_allocate === 'no_valid_shard_copy')
    return { class: 'volume', cause: 'no node holds a good copy of it', remedy: BRING_BACK };
  if (answer.primary || !nodes) return { class: 'quorum-lost', cause: 'no node takes it', remedy: BRING_BACK };
  if (nodes.data < nodes.promised || answer.can_allocate === 'allocation_delayed') return NODE_MISSING;
  const everywhere = (answer.node_allocation_decisions ?? []).every(({ deciders = [] }) =>
    deciders.some(({ decider }) => decider === 'same_shard'),
  );
  return answer.can_allocate === 'no' && everywhere ? TOO_MANY_COPIES : WAITING;
}

const BRING_BACK = 'bring the node that held it back with its volume; else restore the index from a snapshot';

const WAITING: Rule = {
  class: 'slow',
  cause: 'it still waits for its turn',
  remedy: 'look at GET _cat/recovery and at the load of the nodes; too many recoveries at once wait for each other',
};
