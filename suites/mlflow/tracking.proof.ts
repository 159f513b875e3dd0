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

/** Of every chunk of that many bytes or more: heads and JSON come in smaller ones. */
const flipLastBitOf =
  (bytes: number) =>
  (chunk: Buffer): Buffer => {
    const changed = Buffer.from(chunk);
    if (chunk.length >= bytes) changed.writeUInt8(chunk.readUInt8(chunk.length - 1) ^ 1, chunk.length - 1);
    return changed;
  };
