import { healthPercent } from './health.ts';
import type { Comparison, Evidence, GateLine, Report, ReportWaiver, Verdict } from './model.ts';
import type { Row } from './rows.ts';
import { isRed } from './waivers.ts';

interface Facts {
  readonly evidence: Evidence;
  readonly rows: readonly Row[];
  /** Exact comparisons: a printed figure is rounded and may not be asked. */
  readonly atLeast: { readonly score: (percent: number) => boolean; readonly coverage: (percent: number) => boolean };
  readonly figures: Report['score'];
  readonly waivers: readonly ReportWaiver[];
  readonly comparison: Comparison | null;
}

const UNHELD = new Set<Row['status']>(['failed', 'blocked', 'unobserved']);

/** Every rule of the gate with what was observed. The rules judge what the run selected. */
export function gateLines({ evidence, rows, atLeast, figures, waivers, comparison }: Facts): GateLine[] {
  const { gate } = evidence.phase;
  const { health, cleanup, run } = evidence;
  const asked = rows.filter(({ selected }) => selected);
  const required = asked.filter(
    ({ component, entry }) => component.required && gate.requiredLevels.includes(entry.level),
  );
  const open = required.filter(({ status }) => UNHELD.has(status));
  const unsafe = asked.filter(
    ({ status, entry }) => status === 'failed' && (entry.level === 'durability' || entry.level === 'security'),
  );
  const red = waivers.filter((waiver) => isRed(waiver, run.startedAt));
  const left = cleanup?.left.length ?? 0;
  const lines: GateLine[] = [
    { rule: `score >= ${gate.score}`, observed: figures.value.toFixed(1), passed: atLeast.score(gate.score) },
    {
      rule: `coverage >= ${gate.coverage}`,
      observed: figures.coverage.toFixed(1),
      passed: atLeast.coverage(gate.coverage),
    },
  ];
  if (gate.health !== null)
    lines.push({
      rule: `platform health >= ${gate.health}`,
      observed: health ? `${healthPercent(health).toFixed(1)} (${health.ready}/${health.desired})` : 'not observed',
      passed: health !== null && health.ready * 100 >= gate.health * health.desired,
    });
  const flaky = asked.filter(({ status, attempts }) => status === 'passed' && attempts > 1);
  if (gate.flaky !== null)
    lines.push({
      rule: `flaky checks <= ${gate.flaky}`,
      observed: flaky.length === 0 ? 'none' : flaky.map(({ entry }) => entry.id).join(', '),
      passed: flaky.length <= gate.flaky,
    });
  if (gate.noRegression && comparison !== null)
    lines.push({
      rule: 'no regression against the baseline',
      observed: comparison.comparable
        ? comparison.broken.join(', ') || 'none broken'
        : `not comparable: ${comparison.why.join(', ')}`,
      passed: !comparison.comparable || comparison.broken.length === 0,
    });
  lines.push(
    {
      rule: `required components hold ${gate.requiredLevels.join(', ')}`,
      observed: open.length === 0 ? `${required.length} of ${required.length} checks` : unheld(open),
      passed: open.length === 0,
    },
    {
      rule: 'durability and security hold or are waived',
      observed: unsafe.length === 0 ? 'none failed' : unsafe.map(({ entry }) => entry.id).join(', '),
      passed: unsafe.length === 0,
    },
    {
      rule: 'waivers valid',
      observed: red.length === 0 ? `${waivers.length} of ${waivers.length}` : red.map(why).join(', '),
      passed: red.length === 0,
    },
    {
      rule: 'cleanup clean',
      observed: cleanup
        ? `${cleanup.created} created, ${cleanup.removed} removed${left ? `, ${left} left` : ''}`
        : 'not observed',
      passed: cleanup !== null && left === 0,
    },
    { rule: 'run complete', observed: run.complete ? 'complete' : (run.cut ?? 'cut short'), passed: run.complete },
  );
  return lines;
}

function unheld(open: readonly Row[]): string {
  const count = new Map<string, number>();
  for (const { component } of open) count.set(component.id, (count.get(component.id) ?? 0) + 1);
  return [...count].map(([id, n]) => `${id}: ${n} not held`).join(', ');
}

const why = ({ checks, expired, expires }: ReportWaiver): string =>
  expired ? `${checks} expired ${expires}` : `${checks} covers nothing any more`;

/** No verdict where the run itself broke or saw nothing; neither that nor a failure ever reads as a pass. */
export function verdictOf({ run, problems }: Evidence, rows: readonly Row[], lines: readonly GateLine[]): Verdict {
  const sawSomething = rows.some(({ status }) => status === 'passed' || status === 'failed');
  if (!run.complete || problems.length > 0 || !sawSomething) return 'no-verdict';
  return lines.every(({ passed }) => passed) ? 'pass' : 'fail';
}
