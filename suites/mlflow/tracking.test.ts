import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { suite } from '../../helpers/check/suite.ts';
import { Anything, type MlflowApi, OneExperiment, service } from '../../helpers/connect/mlflow.ts';
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
    info: z.object({ run_id: z.string(), artifact_uri: z.string(), status: z.string() }),
    data: z.object({
      metrics: z.array(Metric).default([]),
      params: z.array(KeyValue).default([]),
      tags: z.array(KeyValue).default([]),
    }),
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

async function createRun(
  api: MlflowApi,
  experiment_name: string,
  signal: AbortSignal,
): Promise<{ run_id: string; artifact_uri: string }> {
  const query = { experiment_name };
  const { experiment } = await api.call('GET', 'experiments/get-by-name', OneExperiment, signal, { query });
  const json = { experiment_id: experiment.experiment_id, start_time: Date.now() };
  const { run } = await api.call('POST', 'runs/create', Run, signal, { json });
  return run.info;
}

async function listArtifacts(api: MlflowApi, run_id: string, path: string, signal: AbortSignal) {
  const Files = z.object({
    files: z.array(z.object({ path: z.string(), is_dir: z.boolean(), file_size: z.number().optional() })).default([]),
  });
  return (await api.call('GET', 'artifacts/list', Files, signal, { query: { run_id, path } })).files;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
