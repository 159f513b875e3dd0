import type { ComponentStatus, Report, ReportCheck, ReportComponent, Status } from './model.ts';

/** How figures and names are written, the same in every format. */

export const tenth = (value: number): string => (Math.floor(value * 10 + 1e-6) / 10).toFixed(1);

export const seconds = (ms: number): string =>
  ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`;

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export const size = ({ achieved, target }: ReportComponent): string =>
  target === null ? '-' : `${achieved ?? '?'}/${target}`;

/** ` (fe 1/1, be 2/3)` where roles are counted apart, else nothing. */
export function roleSizes({ roles = {} }: ReportComponent): string {
  const parts = Object.entries(roles).map(
    ([role, { target, achieved }]) => `${role} ${achieved ?? '?'}/${target ?? '-'}`,
  );
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

export const checksOf = (report: Report): ReportCheck[] => report.components.flatMap(({ checks }) => checks);

export const isSelected = (check: ReportCheck): boolean =>
  !(check.status === 'unobserved' && check.points === 0 && check.diagnosis?.cause === 'not selected');

/** `7 checks`, or of them how many were asked. */
export function checkCount(report: Report): string {
  const all = checksOf(report);
  const asked = all.filter(isSelected).length;
  return asked === all.length ? plural(asked, 'check') : `${asked} of ${plural(all.length, 'check')}`;
}

export const VERDICT_WORDS = { pass: 'PASS', fail: 'FAIL', 'no-verdict': 'NO VERDICT' } as const satisfies Record<
  Report['verdict'],
  string
>;

export const EXIT_CODES = { pass: 0, fail: 1, 'no-verdict': 3 } as const satisfies Record<Report['verdict'], number>;

/** The verdict with what a reader must not miss beside it. */
export function verdictWords(report: Report): string {
  const used = report.waivers.filter(({ points }) => points > 0);
  const waived = used.reduce((sum, { points }) => sum + points, 0);
  const withWaivers =
    report.verdict === 'pass' && used.length > 0
      ? ` with ${plural(used.length, 'waiver')} (${tenth(waived)} points)`
      : '';
  return `${VERDICT_WORDS[report.verdict]}${withWaivers}`;
}

/** What the run did not look at, or null when it looked at all. */
export function partial({ run }: Report): string | null {
  if (run.scope === null) return null;
  const { only, levels, names } = run.scope;
  const parts = [
    only.length ? `components ${only.join(', ')}` : '',
    levels.length ? `levels ${levels.join(', ')}` : '',
    names.length ? `checks ${names.join(', ')}` : '',
  ];
  return `PARTIAL: ${parts.filter(Boolean).join('; ')} only. It says nothing of the rest and compares with no full run.`;
}

export function target({ target: { name, path, revision } }: Report): string {
  return `${name}, ${path}${revision === null ? '' : `, revision ${revision}`}`;
}

/** The one sentence that a release manager acts on. */
export function advice(report: Report): string {
  if (report.verdict === 'pass') return 'The gate is open: every rule holds by what this run observed.';
  if (report.verdict === 'no-verdict') return `Decide nothing by this run: ${noVerdictReason(report)}.`;
  const asked = report.components.filter(({ checks }) => checks.some(isSelected));
  const count = (status: ComponentStatus): number => asked.filter((each) => each.status === status).length;
  const unseen = count('Not Observed');
  const rest = unseen > 0 ? `, ${unseen} could not be wholly looked at` : '';
  const works = `${count('Complete')} of ${plural(asked.length, 'component')} ${count('Complete') === 1 || asked.length === 1 ? 'works' : 'work'}${rest}`;
  const [first] = report.fixFirst;
  return `Do not release. ${works}.${first ? ` Largest cause: ${first.rootCause}.` : ''}`;
}

export function noVerdictReason({ problems, run }: Report): string {
  const [problem] = problems;
  if (problem) return `${problem.where}: ${problem.what}`;
  return run.complete ? 'nothing could be observed' : `the run is incomplete (${run.cut ?? 'cut short'})`;
}

/** What to say of a component in a table's last column: its evidence, or the first thing that is wrong. */
export function remark(component: ReportComponent): string {
  const { checks } = component;
  const open = checks.filter(({ status, points }) => status !== 'passed' && status !== 'skipped' && points > 0);
  const wrong = open.find(({ diagnosis }) => diagnosis !== null) ?? open[0];
  const count = (status: Status): number => checks.filter((check) => check.status === status).length;
  const held = component.status === 'Complete' ? `${count('passed')} held; ` : '';
  if (wrong) return `${held}${wrong.diagnosis?.cause ?? `blocked by ${wrong.blockedBy}`}`;
  const skipped = count('skipped');
  return checks.length === 0
    ? 'no check is declared'
    : `${plural(count('passed'), 'check')} passed${skipped ? `, ${skipped} not applicable` : ''}`;
}

/** An observation on one line, cut where a table would burst. */
export function facts(observed: ReportCheck['observed'], limit = 160): string {
  const text = Object.entries(observed ?? {})
    .map(([fact, value]) => `${fact} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** How long the component has been as it is: before the phase began it was already there. */
export function standing({ since, status }: ReportComponent, { phase }: Report): string {
  if (since === null || status !== 'Complete') return '';
  return phase.starts !== null && Date.parse(since) < Date.parse(phase.starts)
    ? 'already there'
    : `so since ${since.slice(0, 16).replace('T', ' ')}`;
}
