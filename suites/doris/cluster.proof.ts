import { rewriteRows } from '../../fixtures/faults/mysql-frames.ts';
import { prove } from '../../helpers/check/proof.ts';
import { before, openRoot, rewriteJson, stopBackends } from './faults.ts';
import './cluster.test.ts';

const asks =
  (statement: string) =>
  (sql: string): boolean =>
    sql.startsWith(statement);

prove('doris.fe.reach', {
  fault: 'the query port of the FE refuses connections',
  expect: 'refused',
  from: 'door',
  break: async (context) => before(context, 'query')[0]?.refuse(),
});

prove('doris.fe.reach', {
  fault: 'the FE accepts connections and never greets',
  expect: 'slow',
  from: 'door',
  break: async (context) => before(context, 'query')[0]?.silence(),
});

prove('doris.fe.reach', {
  fault: 'the greeting of the FE breaks off',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) => before(context, 'query')[0]?.cut(20),
});

prove('doris.fe.reach', {
  fault: 'the phase file has the wrong password',
  expect: 'authentication',
  from: 'door',
  password: 'not-the-password',
});

prove('doris.fe.reach', {
  fault: 'the phase says TLS and the FE does not offer it',
  expect: 'tls',
  from: 'door',
  declare: (component) => ({ ...component, tls: {} }),
});

prove('doris.fe.reach', {
  fault: 'another server that speaks MySQL answers at the query port',
  expect: 'wrong-product',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(
      rewriteRows(asks('SELECT @@version_comment'), (row) => ({ ...row, '@@version_comment': 'MariaDB Server' })),
    ),
});

prove('doris.fe.reach', {
  fault: 'the HTTP of the FE says that it is not ready, with status 200',
  expect: 'slow',
  from: 'door',
  break: async (context) =>
    before(context, 'http')[0]?.rewrite(rewriteJson('/api/bootstrap', () => ({ msg: 'not ready', code: 1 }))),
});

prove('doris.operator.crs', {
  fault: 'the operator reports a BE pod as failed',
  expect: 'not-redundant',
  from: 'door',
  break: async (context) =>
    before(context, 'operator')[0]?.rewrite(
      rewriteJson('/dorisclusters/doris', ({ status, ...rest }) => ({
        ...rest,
        status: { ...(status as object), beStatus: { failedInstances: ['doris-be-1'] } },
      })),
    ),
});

prove('doris.operator.crs', {
  fault: 'the cluster has no kind of the operator',
  expect: 'not-deployed',
  from: 'door',
  break: async (context) =>
    before(context, 'operator')[0]?.rewrite(rewriteJson('/apis', (body) => ({ ...body, groups: [{ name: 'apps' }] }))),
});

prove('doris.fe.health', {
  fault: 'the FE counts a BE that is not online',
  expect: 'not-redundant',
  from: 'door',
  break: async (context) =>
    before(context, 'http')[0]?.rewrite(
      rewriteJson('/api/health', (body) => ({ ...body, data: { online_backend_num: 2, total_backend_num: 3 } })),
    ),
});

prove('doris.be.health', {
  fault: 'a BE refuses connections',
  expect: 'refused',
  from: 'body',
  break: async (context) => before(context, 'be')[1]?.refuse(),
});

prove('doris.be.health', {
  fault: 'a BE says with status 200 that it is not available',
  expect: 'slow',
  from: 'door',
  break: async (context) =>
    before(context, 'be')[1]?.rewrite(
      rewriteJson('/api/health', () => ({ status: 'Server is not available', msg: 'Server is not ready' })),
    ),
});

prove('doris.fe.topology', {
  fault: 'no FE is the master',
  expect: 'quorum-lost',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(rewriteRows(asks('SHOW FRONTENDS'), (row) => ({ ...row, IsMaster: 'false' }))),
});

prove('doris.be.topology', {
  fault: 'BE 1 is stopped and has missed its heartbeat',
  expect: 'not-redundant',
  from: 'body',
  break: (context) => stopBackends(context, [1]),
});

prove('doris.be.topology', {
  fault: 'this version calls the column Version by another name',
  expect: 'wrong-product',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(
      rewriteRows(
        asks('SHOW BACKENDS'),
        (row) => row,
        (column) => (column === 'Version' ? 'BuildVersion' : column),
      ),
    ),
});

prove('doris.be.capacity', {
  fault: 'the fullest disk of a BE is 91 % full',
  expect: 'volume',
  from: 'door',
  break: async (context) =>
    before(context, 'query')[0]?.rewrite(
      rewriteRows(asks('SHOW BACKENDS'), (row) => ({
        ...row,
        MaxDiskUsedPct: row.BackendId === '10003' ? '91.20 %' : (row.MaxDiskUsedPct ?? null),
      })),
    ),
});

prove('doris.security.root-password', {
  fault: 'root has no password, as after a fresh installation',
  expect: 'misconfigured',
  from: 'body',
  break: openRoot,
});
