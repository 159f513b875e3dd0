import { z } from 'zod';
import type { Diagnosis, Endpoint } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { describe } from '../diagnose/outcome.ts';
import { diagnoseRay } from '../diagnose/ray.ts';
import { until } from '../poll.ts';
import { removeEach } from '../removal.ts';
import type { Knock, Left, ScratchEntry, Service, Target } from '../service.ts';
import { accepted, type HttpClient, HttpError, jsonOf, openHttp } from '../wire/http.ts';

/** One row of the cluster's nodes, dead ones included for a time. */
export interface RayNode {
  readonly id: string;
  readonly address: string;
  readonly isHead: boolean;
  readonly alive: boolean;
  /** Why it is not. */
  readonly message: string | null;
  readonly cpus: number;
  readonly gpus: number;
  /** Bytes of the object store in memory. */
  readonly objectStore: number;
}

/** Source: docs.ray.io, "Ray Jobs REST API", JobDetails. */
const Job = z.object({
  submission_id: z.string().nullable(),
  status: z.enum(['PENDING', 'RUNNING', 'STOPPED', 'SUCCEEDED', 'FAILED']),
  message: z.string().nullable(),
  error_type: z.string().nullish(),
  driver_exit_code: z.number().nullish(),
  /** Milliseconds since 1970 by the cluster's clock. */
  end_time: z.number().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
});
export type RayJob = z.infer<typeof Job>;

/** Source: docs.ray.io, "Ray Jobs REST API", JobSubmitRequest. */
export interface RayJobRequest {
  /** A command of the shell. */
  readonly entrypoint: string;
  readonly runtime_env?: { readonly env_vars: Readonly<Record<string, string>> };
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What the autoscaler last told of itself. */
export interface Autoscaler {
  /** False: none runs on this cluster. */
  readonly runs: boolean;
  /** Why it could not work; null: it could. */
  readonly error: string | null;
  /** Seconds since it told; null: it never has. */
  readonly age: number | null;
  /** Nodes that it could not start or lost, in its own words. */
  readonly failedNodes: readonly string[];
}

/** Source: docs.ray.io, "Serve REST API", ApplicationDetails. */
const Application = z.object({
  status: z.string(),
  message: z.string().nullish(),
  deployments: z.record(z.string(), z.object({ status: z.string(), message: z.string().nullish() })).default({}),
});
export type Application = z.infer<typeof Application>;
const Applications = z.object({ applications: z.record(z.string(), Application) });

/** The dashboard's HTTP API, as `ray job submit` and `ray list nodes` use it. */
export interface RayClient extends AsyncDisposable {
  version(signal: AbortSignal): Promise<string>;
  /** What the control store (GCS) says of itself: `success`. */
  controlStore(signal: AbortSignal): Promise<string>;
  nodes(signal: AbortSignal): Promise<RayNode[]>;
  autoscaler(signal: AbortSignal): Promise<Autoscaler>;
  /** Applications of Ray Serve by name; null: the image has no Serve. */
  applications(signal: AbortSignal): Promise<Readonly<Record<string, Application>> | null>;
  /** Names of the log files of a node's dashboard agent, as that agent lists them. */
  agentLogs(nodeId: string, signal: AbortSignal): Promise<string[]>;
  /**
   * Status of the answer to an empty request for a job, which is none that could run, from a caller with this token.
   * @param token null: without any
   */
  strangersJob(token: string | null, signal: AbortSignal): Promise<number>;
  readonly jobs: {
    submit(submissionId: string, request: RayJobRequest, signal: AbortSignal): Promise<void>;
    get(submissionId: string, signal: AbortSignal): Promise<RayJob>;
    /** What the driver has written so far. */
    logs(submissionId: string, signal: AbortSignal): Promise<string>;
    list(signal: AbortSignal): Promise<RayJob[]>;
    stop(submissionId: string, signal: AbortSignal): Promise<void>;
    /** Deletes a job that has ended, and waits until it stays away. */
    remove(submissionId: string, signal: AbortSignal): Promise<void>;
  };
}

/**
 * Who looks after a job looks once a second. A job that is deleted before its end was seen is written down again, as failed, and from
 * then on nobody looks after it: within 1.9 s as measured, by a clock that tells whole seconds. Source: ray 2.60, dashboard/modules/job/job_manager.py, _monitor_job_internal.
 */
const RETURNS_MS = 3_000;
const LOOK_MS = 100;

export const service: Service<'ray', RayClient> = {
  type: 'ray',
  title: 'Ray',
  unit: 'nodes',
  weight: 8,
  endpoints: { dashboard: { port: 8265, about: 'the dashboard of the head node, which takes jobs' } },
  needs: [],
  door: 'ray.reach.version',
  settings: z.object({
    cpus: z.number().min(0).optional().describe('how many processors all nodes together are promised to offer'),
    gpus: z.number().min(0).optional().describe('how many GPUs all nodes together are promised to offer'),
  }),
  knock,
  open: (target) => openClient(target, BUDGETS.answer),
  diagnose: (error, { component }) => diagnoseRay(error, component.title),
  sweep,
  present,
};

const addressOf = ({ component }: Target): string => component.endpoints.dashboard?.[0] ?? '';

async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const { component, route } = target;
  const logical = addressOf(target);
  const endpoints: Endpoint[] = [{ logical, dialled: route.dial(logical), path: route.path }];
  await using ray = await openClient(target, BUDGETS.connect);
  const [version, nodes] = await Promise.allSettled([ray.version(signal), ray.nodes(signal)]);
  const achieved = nodes.status === 'fulfilled' ? nodes.value.filter(({ alive }) => alive).length : null;
  const told = nodes.status === 'fulfilled' ? { aliveNodes: achieved } : { nodes: describe(nodes.reason) };
  if (version.status === 'fulfilled') {
    const observed = { version: version.value, ...told };
    return { endpoints, version: version.value, achieved, observed, state: 'open', diagnosis: null };
  }
  const diagnosis = explain(version.reason, component.title);
  const ours = diagnosis.class === 'our-side' || diagnosis.class === 'authorization';
  const state = ours ? 'unobserved' : 'closed';
  return { endpoints, version: null, achieved, observed: told, state, diagnosis };
}

const explain = (error: unknown, title: string): Diagnosis =>
  diagnoseRay(error, title) ?? {
    class: 'unexplained',
    cause: `${title} can not be asked for its version`,
    remedy: 'read the evidence and dashboard.log in the head pod',
    evidence: describe(error),
  };

async function openClient(target: Target, withinMs: number): Promise<RayClient> {
  const http = await openHttp(addressOf(target), target, 'Bearer', withinMs);
  return {
    async version(signal) {
      const { ray_version } = await http.json('GET', '/api/version', z.object({ ray_version: z.string() }), signal);
      return ray_version;
    },
    controlStore: async (signal) => (await http.text('GET', '/api/gcs_healthz', signal)).trim(),
    nodes: (signal) => nodes(http, signal),
    autoscaler: (signal) => autoscaler(http, signal),
    async applications(signal) {
      const answer = await http.answer('GET', '/api/serve/applications/', signal);
      if (answer.status === 501) return null;
      const { applications } = jsonOf(accepted(answer), Applications);
      return applications;
    },
    async agentLogs(node_id, signal) {
      const Files = z.record(z.string(), z.array(z.string()));
      const Answer = z.object({ data: z.object({ result: Files }) });
      const query = { node_id, glob: 'dashboard_agent*' };
      const { data } = await http.json('GET', '/api/v0/logs', Answer, signal, { query });
      return Object.values(data.result).flat().sort();
    },
    strangersJob: (token, signal) => strangersJob(target, token, withinMs, signal),
    jobs: jobsOf(http),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

/** The state API: the older /nodes?view=summary lags and counts several nodes of one address as one. Source: docs.ray.io, "State API". */
async function nodes(http: HttpClient, signal: AbortSignal): Promise<RayNode[]> {
  const Row = z.object({
    node_id: z.string(),
    node_ip: z.string(),
    is_head_node: z.boolean(),
    state: z.string(),
    state_message: z.string().nullish(),
    resources_total: z.object({
      CPU: z.number().default(0),
      GPU: z.number().default(0),
      object_store_memory: z.number().default(0),
    }),
  });
  const Answer = z.object({ data: z.object({ result: z.object({ result: z.array(Row) }) }) });
  const query = { limit: 10_000, detail: 'true' };
  const { data } = await http.json('GET', '/api/v0/nodes', Answer, signal, { query });
  return data.result.result.map((row) => ({
    id: row.node_id,
    address: row.node_ip,
    isHead: row.is_head_node,
    alive: row.state === 'ALIVE',
    message: row.state_message ?? null,
    cpus: row.resources_total.CPU,
    gpus: row.resources_total.GPU,
    objectStore: row.resources_total.object_store_memory,
  }));
}

/** Source: ray 2.60, dashboard/modules/reporter/reporter_head.py, get_cluster_status; its names come in camel case. */
async function autoscaler(http: HttpClient, signal: AbortSignal): Promise<Autoscaler> {
  const Report = z.object({ failedNodes: z.array(z.unknown()).nullish() });
  const Status = z.object({ time: z.number(), autoscalerReport: Report.nullish() });
  const Answer = z.object({
    data: z.object({ autoscalingError: z.string().nullish(), clusterStatus: Status.nullish() }),
  });
  const answer = await http.answer('GET', '/api/cluster_status', signal);
  const { clusterStatus, autoscalingError } = jsonOf(accepted(answer), Answer).data;
  const now = Date.parse(answer.headers.date ?? '') / 1_000;
  return {
    runs: Boolean(clusterStatus?.autoscalerReport) || Boolean(autoscalingError),
    error: autoscalingError ?? null,
    age: clusterStatus && !Number.isNaN(now) ? Math.max(0, Math.round(now - clusterStatus.time)) : null,
    failedNodes: (clusterStatus?.autoscalerReport?.failedNodes ?? []).map((each) => JSON.stringify(each)),
  };
}

async function strangersJob(
  { component, route }: Target,
  token: string | null,
  withinMs: number,
  signal: AbortSignal,
): Promise<number> {
  const credentials = token === null ? null : component.credentials;
  const stranger: Target = { component: { ...component, credentials }, secrets: { password: token }, route };
  await using http = await openHttp(addressOf(stranger), stranger, 'Bearer', withinMs);
  try {
    await http.bytes('POST', '/api/jobs/', signal, { json: {} });
    return 200;
  } catch (error) {
    if (error instanceof HttpError && error.kind === 'status' && error.status !== null) return error.status;
    throw error;
  }
}

function jobsOf(http: HttpClient): RayClient['jobs'] {
  const path = (id: string): string => `/api/jobs/${encodeURIComponent(id)}`;

  /** By the cluster's own clock, which it tells to the second. */
  async function returnsWithin(id: string, signal: AbortSignal): Promise<number> {
    const answer = await http.answer('GET', path(id), signal);
    const { end_time } = jsonOf(accepted(answer), Job);
    const since = Date.parse(answer.headers.date ?? '') - (end_time ?? Number.NaN);
    return RETURNS_MS - Math.min(Math.max(since || 0, 0), RETURNS_MS);
  }

  return {
    async submit(submission_id, request, signal) {
      const Submitted = z.object({ submission_id: z.literal(submission_id) });
      await http.json('POST', '/api/jobs/', Submitted, signal, { json: { submission_id, ...request } });
    },
    get: (id, signal) => http.json('GET', path(id), Job, signal),
    logs: async (id, signal) =>
      (await http.json('GET', `${path(id)}/logs`, z.object({ logs: z.string() }), signal)).logs,
    list: (signal) => http.json('GET', '/api/jobs/', z.array(Job), signal),
    stop: async (id, signal) => void (await http.bytes('POST', `${path(id)}/stop`, signal)),
    async remove(id, signal) {
      const over = performance.now() + (await returnsWithin(id, signal));
      await http.bytes('DELETE', path(id), signal);
      await until(
        async () => {
          const returned = await http.json('GET', path(id), Job, signal).catch(nullWhereAbsent);
          if (returned === null) return performance.now() > over ? true : undefined;
          await http.bytes('DELETE', path(id), signal);
          return true;
        },
        signal,
        LOOK_MS,
      );
    },
  };
}

export const hasEnded = ({ status }: RayJob): boolean => status !== 'PENDING' && status !== 'RUNNING';

function nullWhereAbsent(error: unknown): null {
  if (error instanceof HttpError && error.status === 404) return null;
  throw error;
}

/** Ray deletes only what has ended, so a job that runs is stopped first. */
function sweep({ jobs }: RayClient, entries: readonly ScratchEntry[], signal: AbortSignal): Promise<Left[]> {
  return removeEach(entries, async ({ name }) => {
    const job = await jobs.get(name, signal).catch(nullWhereAbsent);
    if (job === null) return;
    if (!hasEnded(job)) await jobs.stop(name, signal);
    await until(async () => (hasEnded(await jobs.get(name, signal)) ? true : undefined), signal, LOOK_MS);
    await jobs.remove(name, signal);
  });
}

async function present({ jobs }: RayClient, signal: AbortSignal): Promise<{ kind: string; name: string }[]> {
  return (await jobs.list(signal)).flatMap(({ submission_id: name }) => (name ? [{ kind: 'job', name }] : []));
}
