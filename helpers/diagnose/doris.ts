import type { CauseClass, Diagnosis } from '../../reports/model.ts';
import { MysqlError, type MysqlFailure } from '../wire/mysql.ts';
import { LoadError, type LoadFailure } from '../wire/stream-load.ts';
import { diagnoseHttp } from './http.ts';
import { causes, diagnoseWire } from './wire.ts';

type Rule = { readonly class: CauseClass; readonly cause: string; readonly remedy: string };

/**
 * What the front end says. It answers nearly every error as 1105, so the text tells them apart.
 * Source: Doris SystemInfoService, OlapTableSink, LoadAction, Auth and ErrorCode; each text as stored sources and reports quote it.
 */
const DETAILS: readonly (readonly [RegExp, Rule])[] = [
  [
    /no (available )?(scan node|backend available as scan node)|no backend available as scan node|no alive backend/i,
    {
      class: 'not-redundant',
      cause: 'no BE is alive: the FE is up, and nothing that needs data can be answered',
      remedy: 'look at the BE pods and at ErrMsg in SHOW BACKENDS; if the list is empty, ALTER SYSTEM ADD BACKEND',
    },
  ],
  [
    /No backend load available/i,
    {
      class: 'not-redundant',
      cause: 'no BE takes loads',
      remedy: 'look at Alive and at isLoadDisabled in the Status column of SHOW BACKENDS',
    },
  ],
  [
    /replication num should be less than|Failed to find enough (backend|host)/i,
    {
      class: 'not-redundant',
      cause: 'fewer BEs than the table asks copies for, or too few hosts or disks for them',
      remedy:
        'bring the missing BEs back; copies need BEs on different hosts with the same storage medium and room on their disks',
    },
  ],
  [
    /alive replica num \d+ < (?:load )?(?:required|quorum)|alive replica.*load required replica/i,
    {
      class: 'not-redundant',
      cause: 'too few copies of a tablet are alive to write to it',
      remedy: 'bring the BEs of the tablet back; SHOW REPLICA STATUS FROM the table names them',
    },
  ],
  [
    /not (the )?master|no master|master.*not ready|can ?not find.*master|is not ready/i,
    {
      class: 'quorum-lost',
      cause: 'the FEs have no master',
      remedy: 'bring a majority of the FOLLOWERs back; then look at the log of the FE for BDBJE',
    },
  ],
  [
    /no space left|disk .*(exceed|reach)|exceed.* capacity|capacity.*limit|avail(able)? capacity/i,
    {
      class: 'volume',
      cause: 'a BE has no room left on its disk',
      remedy: 'grow the volume of the BE, or ADMIN CLEAN TRASH',
    },
  ],
  [
    /-235|too many (tablet )?versions/i,
    {
      class: 'slow',
      cause: 'compaction does not keep up with the loads',
      remedy: 'load in larger batches; look at the compaction score of the BEs',
    },
  ],
  [
    /There is no 100-continue header/i,
    {
      class: 'misconfigured',
      cause: 'the Expect header is lost on the way to the FE',
      remedy: 'look for a proxy or ingress before port 8030 that takes it out',
    },
  ],
  [
    /need \(at least one of\) the|denied to user|command denied|don't have .*priv/i,
    {
      class: 'authorization',
      cause: 'our user lacks a privilege that this check needs',
      remedy: 'GRANT what the README lists to the user of the suite',
    },
  ],
  [
    /Access denied|NOT_AUTHORIZED|Unauthorized|need auth/i,
    {
      class: 'authentication',
      cause: 'the declared credentials are refused',
      remedy: 'check `credentials` of the phase file against the Secret that the DorisCluster names',
    },
  ],
  [
    /query timeout|timeout when waiting|RPC.*timed? ?out/i,
    {
      class: 'slow',
      cause: 'a statement is cut off by query_timeout',
      remedy: 'look at SHOW PROCESSLIST and at the load of the BEs',
    },
  ],
];

const HANDSHAKE: { readonly [kind in MysqlFailure]: Rule } = {
  silent: {
    class: 'slow',
    cause: 'accepts connections and does not end the MySQL handshake',
    remedy: 'look whether the FE is paused or in a long collection; restart the pod if it is',
  },
  closed: {
    class: 'unreachable',
    cause: 'closes the connection without a MySQL greeting',
    remedy: 'look for a proxy before the port, then at the log of the FE: qe_max_connection may be reached',
  },
  truncated: {
    class: 'data-wrong',
    cause: 'breaks off in the middle of the MySQL handshake',
    remedy: 'look for a proxy that cuts connections, then for a crash in the log of the FE',
  },
  'not-mysql': {
    class: 'wrong-product',
    cause: 'speaks another protocol than MySQL',
    remedy: 'check the port of the endpoint `query`: it is the query_port of the FE, 9030',
  },
  'no-tls': {
    class: 'tls',
    cause: 'does not offer TLS',
    remedy: 'leave `tls` out of the phase file, or set enable_ssl on the FE',
  },
  stalled: {
    class: 'our-side',
    cause: 'could not be heard: our own process stood still',
    remedy: 'run on a machine with processor time to spare',
  },
};

const LOADS: { readonly [kind in Exclude<LoadFailure, 'wire'>]: Rule } = {
  silent: {
    class: 'slow',
    cause: 'takes a stream load and never answers it',
    remedy: 'look whether the node is paused or out of memory; then at its log',
  },
  closed: {
    class: 'unreachable',
    cause: 'closes the connection in the middle of a stream load',
    remedy: 'look for a proxy that cuts connections, then for a crash in the log of the node',
  },
  'led-astray': {
    class: 'misconfigured',
    cause: 'redirects a stream load to an address that is no BE of this cluster',
    remedy: 'look at Host and HttpPort in SHOW BACKENDS and for a proxy that writes Location anew',
  },
  'led-on': {
    class: 'misconfigured',
    cause: 'redirects a stream load in circles',
    remedy: 'look for a proxy before the BEs that leads back to the FE',
  },
  'not-json': {
    class: 'wrong-product',
    cause: 'answers a stream load with something else than its JSON',
    remedy: 'check that the endpoint `http` is the http_port of the FE, 8030, and what stands before it',
  },
};

/** What was thrown on the way to a node or by it, in Doris's terms; null when it is none of its own. */
export function diagnoseDoris(error: unknown, title: string): Diagnosis | null {
  const chain = [...causes(error)];
  // What we made of an error says more than the error itself, which is its cause.
  for (const e of chain) {
    if (e instanceof MysqlError) return told(HANDSHAKE[e.kind], title, e.message);
    if (e instanceof LoadError) {
      const { kind, node } = e;
      const load = kind === 'wire' ? diagnoseWire(e.cause, node) : told(LOADS[kind], node, e.message);
      if (load) return { ...load, subject: node };
    }
  }
  for (const e of chain.reverse()) {
    const refused = diagnoseRefusal(e, title);
    if (refused) return refused;
  }
  return diagnoseHttp(error, title);
}

/** Server versions of Doris are all of this kind. Source: Doris GlobalVariable.java, MysqlHandshakePacket.java. */
const VERSION = /^5\.7\./;

function diagnoseRefusal(error: Error, title: string): Diagnosis | null {
  const { code, errno, serverVersion } = error as Error & { code?: unknown; errno?: unknown; serverVersion?: string };
  const evidence = `${String(code)}: ${error.message}`;
  if (code === 'PROTOCOL_SEQUENCE_TIMEOUT')
    return {
      class: 'slow',
      cause: `${title} took a statement and did not answer it`,
      remedy: 'look whether the FE is paused or in a long collection; SHOW PROCESSLIST on another FE',
      evidence,
    };
  if (code === 'PROTOCOL_CONNECTION_LOST' || code === 'ERR_STREAM_DESTROYED')
    return {
      class: 'unreachable',
      cause: `${title} closed the connection in the middle of a statement`,
      remedy: 'look into the log of the FE for a restart, and for a proxy that cuts connections',
      evidence,
    };
  if (typeof errno !== 'number' || errno <= 0) return null;
  if (serverVersion !== undefined && !VERSION.test(serverVersion))
    return wrongProduct(title, `it greets as ${serverVersion}`, evidence);
  return diagnoseDetail(error.message, title);
}

/** What a text of a front end or a back end says; null where nobody has explained it. */
export function diagnoseDetail(text: string, title: string): Diagnosis | null {
  const found = DETAILS.find(([pattern]) => pattern.test(text));
  return found ? { ...found[1], cause: `${title}: ${found[1].cause}`, evidence: text.slice(0, 500) } : null;
}

export const wrongProduct = (title: string, seen: string, evidence: string): Diagnosis => ({
  class: 'wrong-product',
  cause: `${title} is not Doris: ${seen}`,
  remedy: 'check the address of the endpoint `query`: another server that speaks MySQL is behind it',
  evidence,
});

const told = (rule: Rule, title: string, evidence: string): Diagnosis => ({
  ...rule,
  cause: `${title} ${rule.cause}`,
  evidence,
});
