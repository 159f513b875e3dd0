import { LEVELS, type Report, STATUSES } from './model.ts';
import { visible } from './untrusted.ts';
import { isSelected } from './words.ts';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/**
 * metrics.txt: the run as gauges, for a Prometheus that scrapes a file or a push gateway. Every sample carries the phase; a partial run says
 * so in assay_run_info. Source: OpenMetrics 1.0 specification, text format.
 */
export function openMetrics(report: Report): string {
  const { score, run, phase, components, health, cleanup } = report;
  const checks = components.flatMap((component) =>
    component.checks.map((check) => ({ component: component.id, ...check })),
  );
  const one = (value: number): Metric['samples'] => [{ labels: {}, value }];
  const metrics: Metric[] = [
    {
      name: 'assay_run_info',
      help: 'What was run.',
      samples: [
        {
          labels: {
            run: run.id,
            target: report.target.name,
            path: report.target.path,
            verdict: report.verdict,
            partial: String(run.scope !== null),
            complete: String(run.complete),
          },
          value: 1,
        },
      ],
    },
    {
      name: 'assay_gate_passed',
      help: '1 where the gate passed, 0 where it failed or there is no verdict.',
      samples: one(report.verdict === 'pass' ? 1 : 0),
    },
    { name: 'assay_score', help: 'Score of 100, by what was observed.', samples: one(score.value) },
    { name: 'assay_score_at_best', help: 'Score if all held that was not seen.', samples: one(score.atBest) },
    { name: 'assay_coverage_percent', help: 'Share of the promise that was looked at.', samples: one(score.coverage) },
    {
      name: 'assay_run_started_seconds',
      help: 'Start of the run, Unix time.',
      samples: one(Date.parse(run.startedAt) / 1_000),
    },
    { name: 'assay_run_duration_seconds', help: 'How long the run took.', samples: one(run.durationMs / 1_000) },
    {
      name: 'assay_scratch_left',
      help: 'Scratch objects that could not be removed.',
      samples: one(cleanup.left.length),
    },
    ...(health
      ? [{ name: 'assay_platform_health_percent', help: 'Ready pods of those desired.', samples: one(health.percent) }]
      : []),
    {
      name: 'assay_component_points',
      help: 'Points of 100 that the component declares and that it earned.',
      samples: components.flatMap(({ id, points, earned }) => [
        { labels: { component: id, kind: 'declared' }, value: points },
        { labels: { component: id, kind: 'earned' }, value: earned },
      ]),
    },
    {
      name: 'assay_component_complete',
      help: '1 where the component is Complete.',
      samples: components.map(({ id, status }) => ({
        labels: { component: id, status },
        value: status === 'Complete' ? 1 : 0,
      })),
    },
    {
      name: 'assay_checks',
      help: 'Checks by component, level and status.',
      samples: components.flatMap((component) =>
        LEVELS.flatMap((level) =>
          STATUSES.flatMap((status) => {
            const value = component.checks.filter(
              (each) => each.level === level && each.status === status && isSelected(each),
            ).length;
            return value === 0 ? [] : [{ labels: { component: component.id, level, status }, value }];
          }),
        ),
      ),
    },
    {
      name: 'assay_check_held',
      help: '1 where the check passed; absent where it was not selected.',
      samples: checks.filter(isSelected).map(({ component, id, level, status }) => ({
        labels: { component, check: id, level, status },
        value: status === 'passed' ? 1 : 0,
      })),
    },
  ];
  const lines = metrics.flatMap(({ name, help, samples }) => [
    `# TYPE ${name} gauge`,
    `# HELP ${name} ${escaped(help)}`,
    ...samples.map(({ labels, value }) => `${name}{${labelText({ phase: phase.id, ...labels })}} ${value}`),
  ]);
  return `${[...lines, '# EOF'].join('\n')}\n`;
}

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');

const escaped = (value: string): string =>
  visible(value).replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
