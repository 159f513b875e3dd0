import { z } from 'zod';
import type { Component, Diagnosis, Endpoint } from '../../reports/model.ts';
import { BUDGETS } from '../budgets.ts';
import { diagnoseMlflow } from '../diagnose/mlflow.ts';
import { describe } from '../diagnose/outcome.ts';
import { objective } from '../objective.ts';
import { until } from '../poll.ts';
import { removeEach } from '../removal.ts';
import type { Scratch } from '../scratch.ts';
import type { Knock, Left, ScratchEntry, Service, Target } from '../service.ts';
import { type Asked, type HttpClient, HttpError, type Method, openHttp } from '../wire/http.ts';

/** The REST API of one workspace. Source: mlflow.org, "REST API". */
export interface MlflowApi {
  /** Null: the server's default one. */
  readonly workspace: string | null;
  /** @param path after /api/2.0/mlflow/ */
  call<T>(method: Method, path: string, schema: z.ZodType<T>, signal: AbortSignal, asked?: Asked): Promise<T>;
  /** Bytes that the server stores for its clients, by `mlflow-artifacts:` URIs as runs and experiments state them. */
  readonly artifacts: {
    write(uri: string, bytes: Buffer, signal: AbortSignal): Promise<void>;
    read(uri: string, signal: AbortSignal): Promise<Buffer>;
    /** With all below it. */
    remove(uri: string, signal: AbortSignal): Promise<void>;
  };
}

export interface MlflowClient extends MlflowApi, AsyncDisposable {
  /**
   * Where a check writes. The API hides an experiment that is deleted and keeps it; for good it deletes workspaces only. So this is a
   * workspace of the run's own where the server has them, and the common one where it has none.
   */
  inScratch(scratch: Scratch, signal: AbortSignal): Promise<MlflowApi>;
  readonly workspaces: Workspaces;
  /** Names of the first experiments, as a client sees them that calls the server by this name. */
  experimentsSeenAs(host: string, signal: AbortSignal): Promise<string[]>;
  /** The same, as a browser asks on behalf of a page from that origin. */
  experimentsSeenFrom(origin: string, signal: AbortSignal): Promise<string[]>;
  /**
   * Asks for an experiment without a name, which nobody gets, as our user with another password.
   * @param password null: as nobody
   */
  strangersExperiment(password: string | null, signal: AbortSignal): Promise<void>;
}

/** Source: mlflow 3.17, protos/service.proto (workspaces since 3.10) and store/workspace/abstract_store.py. */
interface Workspaces {
  offered(signal: AbortSignal): Promise<boolean>;
  list(signal: AbortSignal): Promise<string[]>;
  /** Null: the server's default one. Does not ask whether it exists. */
  api(name: string | null): MlflowApi;
  /** Where there is none of the name yet. */
  create(name: string, signal: AbortSignal): Promise<void>;
  /** With all that is in it, but for artifacts. */
  remove(name: string, signal: AbortSignal): Promise<void>;
}

const Experiment = z.object({
  experiment_id: z.string(),
  name: z.string(),
  artifact_location: z.string(),
  lifecycle_stage: z.enum(['active', 'deleted']),
});
export const OneExperiment = z.object({ experiment: Experiment });
export const Experiments = z.object({
  experiments: z.array(Experiment).default([]),
});
const Models = z.object({
  registered_models: z.array(z.object({ name: z.string() })).default([]),
});
export const Anything = z.object({});

/** The scheme of locations whose bytes go through the server. */
const PROXIED = 'mlflow-artifacts:';

const EVERYTHING = { view_type: 'ALL', max_results: 1_000 };

/** The longest name of a workspace (WorkspaceNameValidator). */
const WORKSPACE_NAME = 63;
const WORKSPACES = '/api/3.0/mlflow/workspaces';

const Settings = z.object({
  hosts: z
    .array(z.string())
    .optional()
    .describe('other names by which clients call the API, with the port, such as mlflow.ml.svc:5000'),
  artifacts: z
    .string()
    .optional()
    .describe('the promised scheme of artifact locations, such as mlflow-artifacts or s3'),
  objectives: z
    .strictObject({
      logBatchP95: objective('milliseconds in which 95 of 100 batches of 100 metrics are taken').optional(),
    })
    .optional()
    .describe('what the performance checks are measured against'),
});

export const settingsOf = ({ settings }: Component): z.infer<typeof Settings> => Settings.parse(settings);

export const service: Service<'mlflow', MlflowClient> = {
  type: 'mlflow',
  title: 'MLflow',
  unit: 'pods',
  weight: 6,
  endpoints: { api: { port: 5000, about: 'the tracking server, as clients have it in MLFLOW_TRACKING_URI' } },
  needs: [],
  door: 'mlflow.reach.health',
  settings: Settings,
  knock,
  open,
  diagnose: (error, { component }) => diagnoseMlflow(error, component.title),
  sweep,
  present,
};

const addressOf = ({ component }: Target): string => component.endpoints.api?.[0] ?? '';

/** Whether it looks at the names that it is called by, and at the pages that ask. Source: mlflow.org, "Network security", since 3.5. */
export function validatesHosts(version: string | null): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 5);
}

/** Every name that clients call the server by: the endpoint's own first, as it stands in their Host header. */
export function namesOf(component: Component): string[] {
  const own = (component.endpoints.api ?? []).map((address) =>
    address.includes('://') ? (URL.parse(address)?.host ?? address) : address,
  );
  return [...own, ...(settingsOf(component).hosts ?? [])];
}

async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const { component, route } = target;
  const logical = addressOf(target);
  const endpoints: Endpoint[] = [{ logical, dialled: route.dial(logical), path: route.path }];
  await using http = await openHttp(logical, target, 'Basic', BUDGETS.connect);
  const [health, version, api] = await Promise.allSettled([
    http.text('GET', '/health', signal),
    http.text('GET', '/version', signal),
    search(apiOf(http, null), signal),
  ]);
  const observed = { health: told(health), version: told(version), experiments: told(api) };
  const known = /^\d+\.\d+\S*$/.test(observed.version) ? observed.version : null;
  const base = { endpoints, version: known, achieved: null, observed };
  const failed = [api, health, version].find((each) => each.status === 'rejected');
  const diagnosis = failed
    ? explain(failed.reason, component.title)
    : observed.health === 'OK' && known !== null
      ? null
      : notMlflow(component.title, observed);
  if (diagnosis === null) return { ...base, state: 'open', diagnosis };
  const ours = diagnosis.class === 'our-side' || diagnosis.class === 'authorization';
  return { ...base, state: ours ? 'unobserved' : 'closed', diagnosis };
}

const told = (answer: PromiseSettledResult<unknown>): string =>
  answer.status === 'rejected' ? describe(answer.reason) : String(answer.value).trim().slice(0, 60);

const explain = (error: unknown, title: string): Diagnosis =>
  diagnoseMlflow(error, title) ?? {
    class: 'unexplained',
    cause: `${title} can not be called`,
    remedy: 'read the evidence and the log of the server',
    evidence: describe(error),
  };

const notMlflow = (title: string, { health, version }: { health: string; version: string }): Diagnosis => ({
  class: 'wrong-product',
  cause: `what answers as ${title} is not MLflow`,
  remedy: 'check host, port and path of the endpoint',
  evidence: `GET /health: ${health}; GET /version: ${version}`,
});

/** The least question to the API that it asks its database for. */
async function search(api: MlflowApi, signal: AbortSignal, headers: Asked['headers'] = {}): Promise<string[]> {
  const asked = { json: { max_results: 3 }, headers };
  const { experiments } = await api.call('POST', 'experiments/search', Experiments, signal, asked);
  return experiments.map(({ name }) => name);
}

function apiOf(http: HttpClient, workspace: string | null): MlflowApi {
  const own = workspace === null ? {} : { 'x-mlflow-workspace': workspace };
  const path = (uri: string): string => `/api/2.0/mlflow-artifacts/artifacts${URL.parse(uri)?.pathname ?? ''}`;
  const binary = { ...own, 'content-type': 'application/octet-stream' };
  return {
    workspace,
    call: (method, path, schema, signal, asked) =>
      http.json(method, `/api/2.0/mlflow/${path}`, schema, signal, {
        ...asked,
        headers: { ...own, ...asked?.headers },
      }),
    artifacts: {
      write: async (uri, bytes, signal) =>
        void (await http.bytes('PUT', path(uri), signal, { bytes, headers: binary })),
      read: (uri, signal) => http.bytes('GET', path(uri), signal, { headers: own }),
      remove: async (uri, signal) => void (await http.bytes('DELETE', path(uri), signal, { headers: own })),
    },
  };
}

async function open(target: Target): Promise<MlflowClient> {
  const http = await openHttp(addressOf(target), target, 'Basic', BUDGETS.answer);
  const common = apiOf(http, null);
  const workspaces = workspacesOf(http);
  const made = new Map<string, Promise<void>>();
  return {
    ...common,
    workspaces,
    async inScratch(scratch, signal) {
      if (!(await workspaces.offered(signal))) return common;
      const name = scratch.name('workspace', 'w');
      if (name.length > WORKSPACE_NAME) return common;
      const making = made.get(name) ?? workspaces.create(name, signal);
      made.set(name, making);
      await making;
      return workspaces.api(name);
    },
    experimentsSeenAs: (host, signal) => search(common, signal, { host }),
    experimentsSeenFrom: (origin, signal) => search(common, signal, { origin }),
    async strangersExperiment(password, signal) {
      const credentials = password === null ? null : target.component.credentials;
      const stranger: Target = { ...target, component: { ...target.component, credentials }, secrets: { password } };
      await using http = await openHttp(addressOf(target), stranger, 'Basic', BUDGETS.answer);
      await apiOf(http, null).call('POST', 'experiments/create', Anything, signal, { json: {} });
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

function workspacesOf(http: HttpClient): Workspaces {
  const ServerInfo = z.object({ workspaces_enabled: z.boolean().default(false) });
  const List = z.object({ workspaces: z.array(z.object({ name: z.string() })).default([]) });
  return {
    async offered(signal) {
      try {
        return (await http.json('GET', '/api/3.0/mlflow/server-info', ServerInfo, signal)).workspaces_enabled;
      } catch (error) {
        if (error instanceof HttpError && error.status === 404) return false;
        throw error;
      }
    },
    list: async (signal) => (await http.json('GET', WORKSPACES, List, signal)).workspaces.map(({ name }) => name),
    api: (name) => apiOf(http, name),
    async create(name, signal) {
      const description = 'scratch of a validation run, which deletes it with all that is in it';
      try {
        await http.json('POST', WORKSPACES, Anything, signal, { json: { name, description } });
      } catch (error) {
        // By another worker of the run, whose checks write into the same one.
        if (!(error instanceof HttpError && error.body.includes('RESOURCE_ALREADY_EXISTS'))) throw error;
      }
    },
    async remove(name, signal) {
      await http.bytes('DELETE', `${WORKSPACES}/${name}`, signal, { query: { mode: 'CASCADE' } });
    },
  };
}

/**
 * How a request is refused: status and error code, such as `404 RESOURCE_DOES_NOT_EXIST`, or what stands there in a code's place;
 * `accepted` where it is not refused. Throws what is no refusal.
 */
export async function refusalOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof HttpError) || error.status === null || error.status >= 500) throw error;
    const code = /"error_code": ?"(\w+)"/.exec(error.body)?.[1];
    return `${error.status} ${code ?? error.body.slice(0, 60)}`;
  }
  return 'accepted';
}

const isAbsent = (error: unknown): boolean =>
  error instanceof HttpError && (error.status === 404 || error.body.includes('RESOURCE_DOES_NOT_EXIST'));

/**
 * A workspace takes with it all that stands in it, for good. What stands outside: models go for good, experiments end in the lifecycle
 * stage `deleted` without their artifacts, and the rest of them is up to `mlflow gc` on the server.
 */
async function sweep(client: MlflowClient, entries: readonly ScratchEntry[], signal: AbortSignal): Promise<Left[]> {
  const offered = await client.workspaces.offered(signal);
  const remove = async ({ kind, name }: ScratchEntry): Promise<void> => {
    if (kind === 'model') await removeModel(client, name, signal);
    if (kind === 'experiment') await removeExperiment(client, name, signal);
    if (kind === 'workspace' && offered) await removeWorkspace(client.workspaces, name, signal);
  };
  return removeEach(entries, (entry) => absentAfter(() => remove(entry)));
}

async function removeModel(api: MlflowApi, name: string, signal: AbortSignal): Promise<void> {
  await api.call('DELETE', 'registered-models/delete', Anything, signal, { json: { name } });
}

async function removeExperiment(api: MlflowApi, name: string, signal: AbortSignal): Promise<void> {
  const query = { experiment_name: name };
  const { experiment } = await api.call('GET', 'experiments/get-by-name', OneExperiment, signal, { query });
  const { experiment_id, artifact_location, lifecycle_stage } = experiment;
  // Basic authentication tells whose artifacts they are by the slash after the experiment's id.
  if (artifact_location.startsWith(PROXIED))
    await absentAfter(() => api.artifacts.remove(`${artifact_location}/`, signal));
  if (lifecycle_stage === 'active')
    await api.call('POST', 'experiments/delete', Anything, signal, { json: { experiment_id } });
}

async function removeWorkspace(workspaces: Workspaces, name: string, signal: AbortSignal): Promise<void> {
  const api = workspaces.api(name);
  const { experiments } = await api.call('POST', 'experiments/search', Experiments, signal, { json: EVERYTHING });
  if (experiments.some(({ artifact_location }) => artifact_location.startsWith(PROXIED)))
    await absentAfter(() => api.artifacts.remove(`${PROXIED}/workspaces/${name}`, signal));
  await workspaces.remove(name, signal);
  await until(async () => ((await workspaces.list(signal)).includes(name) ? undefined : true), signal);
}

/** Deletions here are done when they are answered; what was not there needs none. */
async function absentAfter(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

async function present(
  { call, workspaces }: MlflowClient,
  signal: AbortSignal,
): Promise<{ kind: string; name: string }[]> {
  const ours = { filter: "name LIKE 'assay-%'", max_results: 1_000 };
  const [names, { experiments }, { registered_models }] = await Promise.all([
    workspaces.offered(signal).then((offered) => (offered ? workspaces.list(signal) : [])),
    call('POST', 'experiments/search', Experiments, signal, { json: ours }),
    call('GET', 'registered-models/search', Models, signal, { query: ours }),
  ]);
  const named = (kind: string, all: readonly string[]) => all.map((name) => ({ kind, name }));
  return [
    ...named('workspace', names),
    ...named(
      'experiment',
      experiments.map(({ name }) => name),
    ),
    ...named(
      'model',
      registered_models.map(({ name }) => name),
    ),
  ];
}
