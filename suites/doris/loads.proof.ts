import { replaced, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { rewriteRows } from '../../fixtures/faults/mysql-frames.ts';
import { type FaultContext, prove } from '../../helpers/check/proof.ts';
import { before, rewriteJson } from './faults.ts';
import './loads.test.ts';

const onBackends = (context: FaultContext, change: Parameters<typeof rewriteJson>[1]): Promise<unknown> =>
  Promise.all(before(context, 'be').map((proxy) => proxy.rewrite(rewriteJson('/_stream_load', change))));

const counted = (rows: (count: number) => number) =>
  rewriteRows(
    (sql) => sql.startsWith('SELECT count(*)'),
    (row) => ({ loaded: String(rows(Number(row.loaded))) }),
  );

prove('doris.streamload.round-trip', {
  fault: 'every BE refuses connections',
  expect: 'refused',
  from: 'door',
  break: async (context) => {
    await Promise.all(before(context, 'be').map((proxy) => proxy.refuse()));
  },
});

prove('doris.streamload.round-trip', {
  fault: 'the FE leads the load, with the credentials, to a host that is no BE',
  expect: 'misconfigured',
  from: 'door',
  break: async (context) =>
    before(context, 'http')[0]?.rewrite(
      rewriteHttpAnswers(
        ({ path }) => path.includes('_stream_load'),
        (answer) => ({
          ...answer,
          headers: {
            ...answer.headers,
            location: 'http://user:secret@collector.example.net:8040/api/db/t/_stream_load',
          },
        }),
      ),
    ),
});

prove('doris.streamload.round-trip', {
  fault: 'a BE filters a row of the load',
  expect: 'data-wrong',
  from: 'door',
  break: (context) => onBackends(context, (body) => ({ ...body, NumberLoadedRows: 99, NumberFilteredRows: 1 })),
});

prove('doris.streamload.round-trip', {
  fault: 'the FE answers a load with status 200 and no BE',
  expect: 'not-redundant',
  from: 'door',
  break: async (context) =>
    before(context, 'http')[0]?.rewrite(
      rewriteHttpAnswers(
        ({ path }) => path.includes('_stream_load'),
        (answer) => ({
          ...answer,
          status: 200,
          body: Buffer.from(JSON.stringify({ status: 'FAILED', msg: 'No backend load available, policy: any' })),
        }),
      ),
    ),
});

prove('doris.label.exactly-once', {
  fault: 'a load under a used label is said to be loaded once more',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) => {
    const again = rewriteHttpAnswers(
      ({ path }) => path.includes('_stream_load'),
      (answer) => replaced(answer, 'Label Already Exists', 'Success'),
    );
    await Promise.all(before(context, 'be').map((proxy) => proxy.rewrite(again)));
  },
});

prove('doris.label.exactly-once', {
  fault: 'rows of the repeated load are seen twice',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) => before(context, 'query')[0]?.rewrite(counted((count) => count * 2)),
});

prove('doris.streamload.2pc', {
  fault: 'rows are seen before they are committed',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) => before(context, 'query')[0]?.rewrite(counted(() => 100)),
});

prove('doris.txn.atomic-load', {
  fault: 'the good rows of a failed load stay',
  expect: 'data-wrong',
  from: 'door',
  break: async (context) => before(context, 'query')[0]?.rewrite(counted(() => 99)),
});
