import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder } from '../fixtures/platform/cache.ts';
import { workedExample } from './evidence.fixture.ts';
import { judge } from './judge.ts';
import { openMetrics } from './openmetrics.ts';

/** Prometheus' own Python client is there once the local platform's Ray is: it reads what we write. */
const venvs = join(cacheFolder(process.env), 'venvs');
const python = (existsSync(venvs) ? readdirSync(venvs) : [])
  .filter((name) => name.startsWith('ray-'))
  .map((name) => join(venvs, name, 'bin', 'python'))
  .find(existsSync);

const READ = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
print(json.dumps({family.name: [[sample.labels, sample.value] for sample in family.samples] for family in families}))
`;

test.skipIf(python === undefined)(
  "metrics.txt is read by Prometheus' own parser, with the figures of the report",
  () => {
    const report = judge(workedExample());
    const input = openMetrics(report);
    const read = JSON.parse(execFileSync(python ?? '', ['-c', READ], { input, encoding: 'utf8' }));
    expect(read.assay_score).toEqual([[{ phase: 'phase-3' }, report.score.value]]);
    expect(read.assay_check_held).toHaveLength(report.components.flatMap(({ checks }) => checks).length);
  },
);
