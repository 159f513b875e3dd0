import { z } from 'zod';
import { suite } from '../../helpers/check/suite.ts';
import { Anything, service, settingsOf } from '../../helpers/connect/mlflow.ts';
import { LEAST_SAMPLES, percentile } from '../../helpers/objective.ts';

const check = suite(service);

const Created = z.object({ experiment_id: z.string() });
const Started = z.object({ run: z.object({ info: z.object({ run_id: z.string() }) }) });

const BATCHES = 50;
const METRICS = 100;
const WARM_UP = 3;
/** So many late ones among 50 decide the 95th percentile, whatever the rest are. */
const DECISIVE = 3;

check(
  'mlflow.perf.log-batch',
  {
    level: 'performance',
    claim: 'Of 50 batches of 100 metrics, one after the other, 95 in a hundred are taken within the objective',
    writes: ['workspace', 'experiment', 'run'],
    deadlineMs: 60_000,
    otherwise: {
      class: 'slow',
      remedy: 'look at the database of the backend store; move it from SQLite to PostgreSQL or MySQL',
    },
  },
  async ({ mlflow, component, scratch, signal, grade, observe, skip }) => {
    const objective = settingsOf(component).objectives?.logBatchP95;
    if (!objective) return skip('objectives.logBatchP95', null);
    const api = await mlflow.inScratch(scratch, signal);
    const name = scratch.name('experiment', 'batches');
    const { experiment_id } = await api.call('POST', 'experiments/create', Created, signal, { json: { name } });
    const asked = { json: { experiment_id, start_time: Date.now() } };
    const { run } = await api.call('POST', 'runs/create', Started, signal, asked);
    const samples: number[] = [];
    for (let step = -WARM_UP; step < BATCHES; step += 1) {
      const metrics = Array.from({ length: METRICS }, (_, n) => ({
        key: `m${n}`,
        value: Math.random(),
        timestamp: 1_700_000_000_000 + step,
        step: step + WARM_UP,
      }));
      const json = { run_id: run.info.run_id, metrics };
      const began = performance.now();
      await api.call('POST', 'runs/log-batch', Anything, signal, { json });
      if (step >= 0) samples.push(performance.now() - began);
      const late = samples.filter((ms) => ms > objective.limit).length;
      if (late >= DECISIVE && samples.length >= LEAST_SAMPLES) break;
    }
    const round = (ms: number): number => Math.round(ms * 10) / 10;
    observe({ samples: samples.length, p50: round(percentile(samples, 0.5)) });
    return { p95: round(grade(samples, 0.95, objective)), ...objective };
  },
);
