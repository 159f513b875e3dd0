import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { suite } from '../../helpers/check/suite.ts';
import {
  Anything,
  Experiments,
  type MlflowApi,
  OneExperiment,
  refusalOf,
  service,
} from '../../helpers/connect/mlflow.ts';
import { until } from '../../helpers/poll.ts';

const check = suite(service);

const Created = z.object({ experiment_id: z.string() });
const KeyValue = z.object({ key: z.string(), value: z.string() });
/** A metric that is no number comes as a word. */
const Metric = z.object({
  key: z.string(),
  value: z.union([z.number(), z.string()]),
  timestamp: z.number(),
  step: z.number(),
});
const Run = z.object({
  run: z.object({
    info: z.object({
      run_id: z.string(),
      experiment_id: z.string(),
      artifact_uri: z.string(),
      status: z.string(),
      lifecycle_stage: z.string(),
    }),
    data: z.object({
      metrics: z.array(Metric).default([]),
      params: z.array(KeyValue).default([]),
      tags: z.array(KeyValue).default([]),
    }),
  }),
});
const Found = z.object({
  runs: z.array(z.object({ info: z.object({ run_id: z.string() }) })).default([]),
  next_page_token: z.string().optional(),
});
const OneVersion = z.object({ model_version: z.object({ version: z.string(), current_stage: z.string() }) });
const OneModel = z.object({
  registered_model: z.object({
    aliases: z.array(z.object({ alias: z.string(), version: z.string() })).default([]),
  }),
});

check(
  'mlflow.exp.create',
  {
    level: 'round-trip',
    claim: 'An experiment is created and found again by id and by name, with artifacts where they were promised',
    writes: ['workspace', 'experiment'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for several servers that do not share one backend store, and for a proxy that changes answers',
    },
  },
  async ({ mlflow, component, scratch, signal, expect, fail, observe }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const name = scratch.name('experiment', 'runs');
    const { experiment_id } = await api.call('POST', 'experiments/create', Created, signal, { json: { name } });
    observe({ name, experimentId: experiment_id, workspace: api.workspace, deletedForGood: api.workspace !== null });
    const [{ experiment: byId }, { experiment: byName }] = await Promise.all([
      api.call('GET', 'experiments/get', OneExperiment, signal, { query: { experiment_id } }),
      api.call('GET', 'experiments/get-by-name', OneExperiment, signal, { query: { experiment_name: name } }),
    ]);
    expect(byId, 'the experiment by its id').toMatchObject({ experiment_id, name, lifecycle_stage: 'active' });
    expect(byName, 'the experiment by its name').toEqual(byId);
    const scheme = URL.parse(byId.artifact_location)?.protocol.replace(':', '') ?? 'none';
    const promised = component.settings.artifacts;
    if (['none', 'file'].includes(scheme) || (promised !== undefined && promised !== scheme))
      fail({
        class: 'misconfigured',
        cause: `artifacts of new experiments go to ${byId.artifact_location}${promised === undefined ? ', a folder that only the server has' : `, not to ${promised}:`}`,
        remedy:
          'start the server with --serve-artifacts and --artifacts-destination, or with a --default-artifact-root that clients reach',
        evidence: `artifact_location of experiment ${experiment_id}: ${byId.artifact_location}`,
      });
    return { artifactLocation: byId.artifact_location };
  },
);

check(
  'mlflow.run.log',
  {
    level: 'round-trip',
    claim: 'A run keeps a hundred metrics, ten params, its tags and its end, to the last digit and in their order',
    needs: ['mlflow.exp.create'],
    writes: ['run'],
    otherwise: {
      class: 'data-wrong',
      remedy: "compare the run with the server's database; look for a proxy that changes bodies",
    },
  },
  async ({ mlflow, scratch, signal, expect, observe }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const { run_id } = await createRun(api, scratch.name('experiment', 'runs'), signal);
    observe({ runId: run_id });
    const loss = Array.from({ length: 100 }, (_, step) => ({
      key: 'loss',
      value: Math.exp(-step / 7) * Math.PI,
      timestamp: 1_700_000_000_000 + step,
      step,
    }));
    const edge = { key: 'edge', value: 'NaN', timestamp: 1_700_000_000_000, step: 0 };
    const params = Array.from({ length: 10 }, (_, n) => ({ key: `p${n}`, value: randomBytes(8).toString('hex') }));
    const tags = [{ key: 'assay.nonce', value: `${randomBytes(8).toString('hex')} ü ∂ 学` }];
    await api.call('POST', 'runs/log-batch', Anything, signal, {
      json: { run_id, metrics: [...loss, edge], params, tags },
    });
    await api.call('POST', 'runs/update', Anything, signal, {
      json: { run_id, status: 'FINISHED', end_time: Date.now() },
    });

    const Metrics = z.object({ metrics: z.array(Metric).default([]) });
    const [{ run }, { metrics: history }] = await Promise.all([
      api.call('GET', 'runs/get', Run, signal, { query: { run_id } }),
      api.call('GET', 'metrics/get-history', Metrics, signal, { query: { run_id, metric_key: 'loss' } }),
    ]);
    const ordered = (rows: readonly { key: string }[]) => [...rows].sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(run.info.status, 'status of the finished run').toBe('FINISHED');
    expect(history, 'history of a metric').toEqual(loss);
    expect(ordered(run.data.metrics), 'last value of each metric').toEqual([edge, loss.at(-1)]);
    expect(ordered(run.data.params), 'params').toEqual(params);
    expect(run.data.tags, 'tags').toEqual(expect.arrayContaining(tags));
    return { status: run.info.status, metrics: history.length + 1, params: params.length, tags: tags.length };
  },
);

check(
  'mlflow.artifact.round-trip',
  {
    level: 'round-trip',
    claim:
      'A mebibyte that a client stores through the server is listed, comes back byte for byte, and goes when it is deleted',
    needs: ['mlflow.exp.create'],
    writes: ['run', 'artifact'],
    otherwise: {
      class: 'data-wrong',
      remedy:
        'compare the object in the artifact store with the evidence; look for a proxy that changes or cuts bodies',
    },
  },
  async ({ mlflow, scratch, signal, expect, skip }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const { run_id, artifact_uri } = await createRun(api, scratch.name('experiment', 'runs'), signal);
    if (!artifact_uri.startsWith('mlflow-artifacts:')) skip('artifact URI of a run', artifact_uri);
    const bytes = randomBytes(2 ** 20);
    const uri = `${artifact_uri}/assay/block.bin`;
    await api.artifacts.write(uri, bytes, signal);
    const [back, listed] = await Promise.all([
      api.artifacts.read(uri, signal),
      listArtifacts(api, run_id, 'assay', signal),
    ]);
    expect(listed, 'artifacts of the run').toEqual([
      { path: 'assay/block.bin', is_dir: false, file_size: bytes.length },
    ]);
    expect(back.length, 'bytes read back').toBe(bytes.length);
    expect(sha256(back), 'sha256 of what came back').toBe(sha256(bytes));
    await api.artifacts.remove(uri, signal);
    expect(await listArtifacts(api, run_id, 'assay', signal), 'artifacts after deletion').toEqual([]);
    return { runId: run_id, bytes: bytes.length, sha256: sha256(bytes) };
  },
);

check(
  'mlflow.registry.version',
  {
    level: 'round-trip',
    claim: "A model version registered from a run's artifacts becomes READY and leads back to them",
    needs: ['mlflow.exp.create'],
    writes: ['run', 'artifact', 'model'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'read status_message of the version; look for a registry store other than the backend store',
    },
  },
  async ({ mlflow, scratch, signal, expect, observe }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const name = scratch.name('model', 'model');
    const { run_id, artifact_uri } = await createRun(api, scratch.name('experiment', 'runs'), signal);
    const source = `${artifact_uri}/model`;
    await api.call('POST', 'registered-models/create', Anything, signal, { json: { name } });
    const Version = z.object({
      model_version: z.object({
        name: z.string(),
        version: z.string(),
        source: z.string(),
        run_id: z.string(),
        status: z.string(),
        status_message: z.string().optional(),
      }),
    });
    const { model_version: made } = await api.call('POST', 'model-versions/create', Version, signal, {
      json: { name, source, run_id },
    });
    observe({ name, version: made.version });
    const query = { name, version: made.version };
    const settled = await until(async () => {
      const { model_version } = await api.call('GET', 'model-versions/get', Version, signal, { query });
      return model_version.status === 'PENDING_REGISTRATION' ? undefined : model_version;
    }, signal);
    expect(settled, 'the version').toMatchObject({ name, version: made.version, source, run_id, status: 'READY' });
    const Uri = z.object({ artifact_uri: z.string() });
    const download = await api.call('GET', 'model-versions/get-download-uri', Uri, signal, { query });
    expect(download.artifact_uri, 'where the version is fetched from').toBe(source);
    return { status: settled.status, source };
  },
);

check(
  'mlflow.run.search',
  {
    level: 'semantics',
    claim: 'A search by metric, param and tag finds those runs and no others, in the order asked for, page by page',
    needs: ['mlflow.exp.create'],
    writes: ['run'],
    otherwise: {
      class: 'data-wrong',
      remedy: "compare the runs with the server's database; look for servers that do not share one backend store",
    },
  },
  async ({ mlflow, scratch, signal, expect, observe }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const nonce = randomBytes(8).toString('hex');
    const loss = [0.9, 0.2, 0.7, 0.6];
    const runs = await Promise.all(
      loss.map(async (value, at) => {
        const { run_id, experiment_id } = await createRun(api, scratch.name('experiment', 'runs'), signal);
        const metrics = [{ key: 'loss', value, timestamp: 1_700_000_000_000, step: 0 }];
        const params = [{ key: 'kind', value: at === 3 ? 'other' : 'wanted' }];
        const tags = [{ key: 'assay.nonce', value: nonce }];
        await api.call('POST', 'runs/log-batch', Anything, signal, { json: { run_id, metrics, params, tags } });
        return { run_id, experiment_id };
      }),
    );
    const search = {
      experiment_ids: [runs[0]?.experiment_id],
      filter: `metrics.loss > 0.5 and params.kind = 'wanted' and tags.\`assay.nonce\` = '${nonce}'`,
      order_by: ['metrics.loss ASC'],
      max_results: 1,
    };
    const found: string[] = [];
    let pages = 0;
    for (let page_token: string | undefined; pages <= loss.length; ) {
      const json = { ...search, page_token };
      const page = await api.call('POST', 'runs/search', Found, signal, { json });
      found.push(...page.runs.map(({ info }) => info.run_id));
      pages += 1;
      observe({ pages, found });
      page_token = page.next_page_token;
      if (!page_token) break;
    }
    expect(found, 'the runs found').toEqual([runs[2]?.run_id, runs[0]?.run_id]);
    return { runs: runs.length };
  },
);

check(
  'mlflow.api.errors',
  {
    level: 'semantics',
    claim: 'What can not be done is refused by the code that clients tell it by: absent, already there, invalid',
    needs: ['mlflow.exp.create'],
    writes: ['run'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for a proxy that answers errors in its own words, then for a fork or plugin of the store',
    },
  },
  async ({ mlflow, scratch, signal, expect }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const name = scratch.name('experiment', 'runs');
    const { run_id, experiment_id } = await createRun(api, name, signal);
    const log = (value: string) =>
      api.call('POST', 'runs/log-parameter', Anything, signal, { json: { run_id, key: 'p', value } });
    const search = { experiment_ids: [experiment_id], filter: 'metrics.loss >>> 1', max_results: 1 };
    await log('first');
    const absent = { run_id: randomBytes(16).toString('hex') };
    const codes = {
      unknownRun: await refusalOf(api.call('GET', 'runs/get', Anything, signal, { query: absent })),
      nameTaken: await refusalOf(api.call('POST', 'experiments/create', Anything, signal, { json: { name } })),
      invalidFilter: await refusalOf(api.call('POST', 'runs/search', Anything, signal, { json: search })),
      paramChanged: await refusalOf(log('second')),
    };
    expect(codes, 'error codes').toEqual({
      unknownRun: '404 RESOURCE_DOES_NOT_EXIST',
      nameTaken: '400 RESOURCE_ALREADY_EXISTS',
      invalidFilter: '400 INVALID_PARAMETER_VALUE',
      paramChanged: '400 INVALID_PARAMETER_VALUE',
    });
    return codes;
  },
);

check(
  'mlflow.trash.restore',
  {
    level: 'semantics',
    claim: 'A deleted experiment leaves the lists and keeps its name, and comes back with its run when it is restored',
    writes: ['workspace', 'experiment', 'run'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for a job that runs `mlflow gc` often, and for servers that do not share one backend store',
    },
  },
  async ({ mlflow, scratch, signal, expect, observe }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const name = scratch.name('experiment', 'trash');
    const create = { json: { name } };
    const { experiment_id } = await api.call('POST', 'experiments/create', Created, signal, create);
    observe({ name, experimentId: experiment_id, workspace: api.workspace, deletedForGood: api.workspace !== null });
    const { run_id } = await createRun(api, name, signal);
    const stages = async () => {
      const listed = async (view_type: string): Promise<boolean> => {
        const json = { filter: `name = '${name}'`, view_type, max_results: 1 };
        return (await api.call('POST', 'experiments/search', Experiments, signal, { json })).experiments.length > 0;
      };
      const [active, deleted, { run }] = await Promise.all([
        listed('ACTIVE_ONLY'),
        listed('DELETED_ONLY'),
        api.call('GET', 'runs/get', Run, signal, { query: { run_id } }),
      ]);
      return { active, deleted, run: run.info.lifecycle_stage };
    };
    await api.call('POST', 'experiments/delete', Anything, signal, { json: { experiment_id } });
    expect(await stages(), 'after deletion').toEqual({ active: false, deleted: true, run: 'deleted' });
    const again = await refusalOf(api.call('POST', 'experiments/create', Anything, signal, create));
    expect(again, 'a second experiment of the name').toBe('400 RESOURCE_ALREADY_EXISTS');
    await api.call('POST', 'experiments/restore', Anything, signal, { json: { experiment_id } });
    expect(await stages(), 'after restoration').toEqual({ active: true, deleted: false, run: 'active' });
    return { secondOfTheName: again };
  },
);

check(
  'mlflow.registry.alias',
  {
    level: 'semantics',
    claim: 'An alias leads to one version of a model, to another once it is moved, and nowhere once it is deleted',
    needs: ['mlflow.exp.create'],
    writes: ['run', 'model'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for servers that do not share one registry store, and for a cache in front of them',
    },
  },
  async ({ mlflow, scratch, signal, expect }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const name = scratch.name('model', 'alias');
    const [first, second] = await createVersions(api, name, scratch.name('experiment', 'runs'), signal);
    const alias = 'champion';
    const query = { name, alias };
    const point = (version: string) =>
      api.call('POST', 'registered-models/alias', Anything, signal, { json: { name, alias, version } });
    const pointed = async (): Promise<string> =>
      (await api.call('GET', 'registered-models/alias', OneVersion, signal, { query })).model_version.version;
    await point(first);
    expect(await pointed(), 'the version behind the alias').toBe(first);
    await point(second);
    expect(await pointed(), 'the version behind the alias that was moved').toBe(second);
    const { registered_model } = await api.call('GET', 'registered-models/get', OneModel, signal, { query: { name } });
    expect(registered_model.aliases, 'aliases of the model').toEqual([{ alias, version: second }]);
    await api.call('DELETE', 'registered-models/alias', Anything, signal, { json: query });
    const gone = await refusalOf(pointed());
    expect(gone, 'the alias after its deletion').toBe('400 INVALID_PARAMETER_VALUE');
    return { name, versions: [first, second], afterDeletion: gone };
  },
);

check(
  'mlflow.registry.stage',
  {
    level: 'semantics',
    claim:
      'A version that takes over a stage sends the one before it to the archive, and a stage unheard of is refused',
    needs: ['mlflow.exp.create'],
    writes: ['run', 'model'],
    otherwise: {
      class: 'data-wrong',
      remedy: 'look for servers that do not share one registry store; move clients on to aliases, which replace stages',
    },
  },
  async ({ mlflow, scratch, signal, expect }) => {
    const api = await mlflow.inScratch(scratch, signal);
    const name = scratch.name('model', 'stage');
    const [first, second] = await createVersions(api, name, scratch.name('experiment', 'runs'), signal);
    const promote = (version: string, stage: string) => {
      const json = { name, version, stage, archive_existing_versions: true };
      return api.call('POST', 'model-versions/transition-stage', OneVersion, signal, { json });
    };
    const stageOf = async (version: string) => {
      const query = { name, version };
      return (await api.call('GET', 'model-versions/get', OneVersion, signal, { query })).model_version.current_stage;
    };
    await promote(first, 'Production');
    expect(await stageOf(first), 'stage of the first version').toBe('Production');
    await promote(second, 'Production');
    const stages = { first: await stageOf(first), second: await stageOf(second) };
    expect(stages, 'stages after the second took over').toEqual({ first: 'Archived', second: 'Production' });
    const refused = await refusalOf(promote(first, 'Limbo'));
    expect(refused, 'a stage that there is not').toBe('400 INVALID_PARAMETER_VALUE');
    return { name, ...stages, unknownStage: refused };
  },
);

async function createRun(
  api: MlflowApi,
  experiment_name: string,
  signal: AbortSignal,
): Promise<{ run_id: string; artifact_uri: string; experiment_id: string }> {
  const query = { experiment_name };
  const { experiment } = await api.call('GET', 'experiments/get-by-name', OneExperiment, signal, { query });
  const json = { experiment_id: experiment.experiment_id, start_time: Date.now() };
  const { run } = await api.call('POST', 'runs/create', Run, signal, { json });
  return run.info;
}

/** Two versions of a new model, from a run of that experiment. */
async function createVersions(
  api: MlflowApi,
  name: string,
  experiment: string,
  signal: AbortSignal,
): Promise<[string, string]> {
  const [{ run_id, artifact_uri }] = await Promise.all([
    createRun(api, experiment, signal),
    api.call('POST', 'registered-models/create', Anything, signal, { json: { name } }),
  ]);
  const json = { name, run_id, source: `${artifact_uri}/model` };
  const create = async () =>
    (await api.call('POST', 'model-versions/create', OneVersion, signal, { json })).model_version.version;
  return [await create(), await create()];
}

async function listArtifacts(api: MlflowApi, run_id: string, path: string, signal: AbortSignal) {
  const Files = z.object({
    files: z.array(z.object({ path: z.string(), is_dir: z.boolean(), file_size: z.number().optional() })).default([]),
  });
  return (await api.call('GET', 'artifacts/list', Files, signal, { query: { run_id, path } })).files;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
