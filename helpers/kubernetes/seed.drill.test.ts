import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { NO_TEXT } from '../../fixtures/platform/service.ts';
import type { Report, ReportComponent } from '../../reports/model.ts';
import { ROOT } from '../catalogue.ts';
import '../cli/test.ts';

/** The hand-written report's figures, as a gate finds them in the cluster that it was written of: docs/seed.md. */

const local = inject('local');
const ARGUMENTS = ['gate', '--phase', 'fixtures/phases/phase-3.yaml', '--now', '2025-10-24T04:35:00Z'];
const IMAGE = 'bitnami/kafka:4.0.0-debian-12-r10';

describe.skipIf((local.env.KUBERNETES_SEED_KUBECONFIG ?? NO_TEXT) === NO_TEXT)("the seed's phase", () => {
  const out = mkdtempSync(join(tmpdir(), 'assay-seed-'));
  let report: Report;
  let code: number | null;

  beforeAll(async () => {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    execFile(
      process.execPath,
      ['helpers/cli/main.ts', ...ARGUMENTS, '--out', out],
      { cwd: ROOT, env: { ...local.env } },
      (error) => resolve(error ? Number(error.code) : 0),
    );
    code = await promise;
    report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  });
  afterAll(() => rmSync(out, { recursive: true }));

  const component = (id: string): ReportComponent =>
    report.components.find((each) => each.id === id) as ReportComponent;

  test('fails its gate, at the time of the report', () => {
    expect([code, report.verdict]).toEqual([1, 'fail']);
    expect(report.run.startedAt).toBe('2025-10-24T04:35:00.000Z');
  });

  test('has 109 of 132 pods ready, which is 82.6%, after 108 of 130', () => {
    expect(report.health).toMatchObject({ ready: 109, desired: 132, percent: 82.6 });
    expect(report.before).toEqual({ ready: 108, desired: 130 });
  });

  test.each(['elasticsearch', 'neo4j'])('finds %s at work, since before the phase began', (id) => {
    expect(component(id)).toMatchObject({ status: 'Complete', achieved: 1, since: '2025-10-24T03:03:00Z' });
  });

  test('finds the claims that the report tells of', () => {
    expect(component('elasticsearch').storage).toEqual(['data-elasticsearch-0 Bound 50Gi local-path']);
    expect(component('neo4j').storage).toEqual([
      'data-neo4j-0 Bound 20Gi local-path',
      'logs-neo4j-0 Bound 10Gi local-path',
    ]);
  });

  test('tells of Kafka once: deferred, for an image that is gone', () => {
    expect(component('kafka')).toMatchObject({ status: 'Deferred', achieved: 0, target: 3 });
    const causes = report.fixFirst.filter(({ rootCause }) => rootCause.includes(`${IMAGE} can not be pulled`));
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({ class: 'image-unavailable', component: 'kafka' });
    expect(causes[0]?.blocks).toContain('kubernetes/kubernetes.images.pullable');
    expect(causes[0]?.evidence).toContain('ErrImagePull');
  });
});
