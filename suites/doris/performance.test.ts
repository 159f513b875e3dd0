import { suite } from '../../helpers/check/suite.ts';
import { service, settingsOf } from '../../helpers/connect/doris.ts';
import { LEAST_SAMPLES, percentile } from '../../helpers/objective.ts';

const check = suite(service);

const QUERIES = 500;
const WARM_UP = 10;
/** So many late ones among 500 decide the 99th percentile, whatever the rest are. */
const DECISIVE = 6;

check(
  'doris.perf.point-query',
  {
    level: 'performance',
    claim: 'Of 500 queries by key, one after the other, 99 in a hundred are answered within the objective',
    writes: ['database'],
    deadlineMs: 60_000,
    otherwise: {
      class: 'slow',
      remedy: 'look for garbage collection in fe.gc.log, then for slow brpc between FE and BEs',
    },
  },
  async ({ doris, component, scratch, signal, grade, observe, skip }) => {
    const objective = settingsOf(component).objectives?.pointQueryP99;
    if (!objective) return skip('objectives.pointQueryP99', null);
    const database = scratch.name('database', 'points');
    const properties = { enable_unique_key_merge_on_write: 'true', store_row_column: 'true' };
    const columns = 'k BIGINT, v VARCHAR(64)';
    await doris.createTable({ database, table: 't', columns, model: 'UNIQUE KEY(k)', by: 'k', properties }, signal);
    const values = Array.from({ length: 100 }, (_, k) => `(${k}, 'value-${k}')`).join(', ');
    await doris.query(`INSERT INTO \`${database}\`.t VALUES ${values}`, signal);
    const samples: number[] = [];
    for (let n = -WARM_UP; n < QUERIES; n += 1) {
      const began = performance.now();
      await doris.query(`SELECT v FROM \`${database}\`.t WHERE k = ${(n + WARM_UP) % 100}`, signal);
      if (n >= 0) samples.push(performance.now() - began);
      const late = samples.filter((ms) => ms > objective.limit).length;
      if (late >= DECISIVE && samples.length >= LEAST_SAMPLES) break;
    }
    const round = (ms: number): number => Math.round(ms * 10) / 10;
    observe({ samples: samples.length, p50: round(percentile(samples, 0.5)), path: 'one session, text protocol' });
    return { p99: round(grade(samples, 0.99, objective)), ...objective };
  },
);
