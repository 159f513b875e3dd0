import { MESSAGE, rewriteBolt, rewriteRows } from '../../fixtures/faults/bolt-frames.ts';
import { Struct } from '../../fixtures/faults/packstream.ts';
import { prove } from '../../helpers/check/proof.ts';
import './schema.test.ts';

prove('neo4j.constraint.unique', {
  fault: 'a node is acknowledged that never came to the server',
  expect: 'data-wrong',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteBolt({
        request: (message) =>
          message.tag === MESSAGE.run && /^CREATE/.test(String(message.fields[0]))
            ? new Struct(message.tag, ['RETURN 1', ...message.fields.slice(1)])
            : message,
      }),
    ),
});

prove('neo4j.schema.declared', {
  fault: 'the phase promises a constraint that nobody made',
  expect: 'misconfigured',
  from: 'door',
  declare: (component) => ({
    ...component,
    settings: { ...component.settings, schema: { Dataset: { unique: ['urn', ['platform', 'name']] } } },
  }),
});

prove('neo4j.index.online', {
  fault: 'an index has failed',
  expect: 'crash',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(rewriteRows(/^SHOW INDEXES/, (row) => ({ ...row, state: 'FAILED', populationPercent: 0 }))),
});

prove('neo4j.index.online', {
  fault: 'an index is still being populated',
  expect: 'slow',
  subject: 'index dataset_name',
  from: 'body',
  break: async ({ proxies }) =>
    proxies[0]?.rewrite(
      rewriteRows(/^SHOW INDEXES/, (row) =>
        row.name === 'dataset_name' ? { ...row, state: 'POPULATING', populationPercent: 40.5 } : row,
      ),
    ),
});
