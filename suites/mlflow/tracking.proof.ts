import { type HttpMessage, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { replaceBytes } from '../../fixtures/faults/replace.ts';
import { prove } from '../../helpers/check/proof.ts';
import './tracking.test.ts';

prove('mlflow.exp.create', {
  fault: 'another artifact store was promised than experiments get',
  expect: 'misconfigured',
  from: 'door',
  declare: (component) => ({ ...component, settings: { ...component.settings, artifacts: 's3' } }),
});

prove('mlflow.exp.create', {
  fault: 'experiments come back with another name than they were given',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('-runs"', '-ruin"')),
});

prove('mlflow.run.log', {
  fault: 'the last digits of metrics are lost on their way back',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"value": 3.14159265', '"value": 3.14159266')),
});

prove('mlflow.artifact.round-trip', {
  fault: 'a bit of every large answer changes on its way back',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(flipLastBitOf(8_192)),
});

prove('mlflow.artifact.round-trip', {
  fault: 'large answers break off in the middle',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.cut(65_536),
});

prove('mlflow.registry.version', {
  fault: 'the version does not become ready',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) => proxies[0]?.corrupt(replaceBytes('"READY"', '"STUCK"')),
});

prove('mlflow.run.search', {
  fault: 'the pages of a search end after the first',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(answersTo('/runs/search', withText('next_page_token', 'last_page'))),
});

prove('mlflow.api.errors', {
  fault: 'a gateway answers errors in words of its own',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      answersTo('/runs/get', (answer) => ({ ...answer, body: Buffer.from('<html>not found</html>') })),
    ),
});

prove('mlflow.trash.restore', {
  fault: 'a deletion is acknowledged and the experiment stays in the list of the active ones',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      answersTo('/experiments/search', (answer) => ({ ...answer, body: Buffer.from(JSON.stringify(STILL_THERE)) })),
    ),
});

prove('mlflow.registry.alias', {
  fault: 'a cache in front keeps the first version behind the alias',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(answersTo('/registered-models/alias', withText('"version": "2"', '"version": "1"'))),
});

prove('mlflow.registry.stage', {
  fault: 'the version before stays in its stage',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(answersTo('/model-versions/get', withText('Archived', 'Production'))),
});

const STILL_THERE = {
  experiments: [{ experiment_id: '1', name: 'n', artifact_location: 'mlflow-artifacts:/1', lifecycle_stage: 'active' }],
};

const answersTo = (api: string, change: (answer: HttpMessage) => HttpMessage) =>
  rewriteHttpAnswers(({ path }) => path.replace(/\?.*/, '').endsWith(api), change);

const withText =
  (from: string, to: string) =>
  (answer: HttpMessage): HttpMessage => ({
    ...answer,
    body: Buffer.from(answer.body.toString().replaceAll(from, to)),
  });

/** Of every chunk of that many bytes or more: heads and JSON come in smaller ones. */
const flipLastBitOf =
  (bytes: number) =>
  (chunk: Buffer): Buffer => {
    const changed = Buffer.from(chunk);
    if (chunk.length >= bytes) changed.writeUInt8(chunk.readUInt8(chunk.length - 1) ^ 1, chunk.length - 1);
    return changed;
  };
