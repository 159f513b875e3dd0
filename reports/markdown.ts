import { healthPercent } from './health.ts';
import type { ComponentStatus, Report, ReportCheck, ReportComponent, Status } from './model.ts';
import { bounded, visible } from './untrusted.ts';
import {
  advice,
  checkCount,
  facts,
  partial,
  plural,
  remark,
  roleSizes,
  seconds,
  size,
  standing,
  target,
  tenth,
  verdictWords,
} from './words.ts';

const VERDICT_MARKS = { pass: '✅', fail: '❌', 'no-verdict': '⚠️' } as const satisfies Record<
  Report['verdict'],
  string
>;

const COMPONENT_MARKS = {
  Complete: '✅',
  Deferred: '⏸',
  'In Progress': '⏳',
  Blocked: '⛔',
  Failed: '❌',
  'Not Deployed': '❌',
  'Not Observed': '❔',
} as const satisfies Record<ComponentStatus, string>;

const CHECK_MARKS = {
  passed: '✅',
  failed: '❌',
  blocked: '⛔',
  unobserved: '❔',
  deferred: '⏸',
  skipped: '➖',
} as const satisfies Record<Status, string>;

/** report.md: verdict and advice before any number, one cause a row, every pass with its evidence. Tables keep the phase file's order. */
export function markdown(report: Report): string {
  const notes = partial(report);
  const sections = [
    notes ?? '',
    `# ${VERDICT_MARKS[report.verdict]} ${verdictWords(report)} · ${text(report.phase.name)} · score ${tenth(report.score.value)} / 100`,
    `**${text(advice(report))}**`,
    gateTable(report),
    componentTable(report),
    fixTable(report),
    problemList(report),
    waiverList(report),
    goalLine(report),
    stageLine(report),
    trendLine(report),
    comparison(report),
    footer(report),
    '## Checks',
    ...report.components.map(checkTable),
    ledger(report),
    report.notes === null ? '' : `## Notes, written by hand\n\n${paragraph(report.notes)}`,
    reproduce(report),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

function table(head: readonly string[], align: string, rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rules = [...align].map((each) => ({ l: ':--', r: '--:', c: ':-:' })[each] ?? ':--');
  return [line(head), `|${rules.join('|')}|`, ...rows.map(line)].join('\n');
}

/** Text of a service or of a phase file as itself: it can neither end a cell nor begin a link, tag or heading. */
function text(value: string): string {
  return visible(bounded(value, 1_000))
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_~[\]<>|#@!&]/g, (mark) => (mark === '&' ? '&amp;' : mark === '<' ? '&lt;' : `\\${mark}`))
    .trim()
    .replace(/(https?):\/\//gi, '$1:&#8203;//')
    .replace(/www\./gi, 'www&#8203;.');
}

/** Text as a paragraph of its own: nor does it begin a list or underline one. */
const paragraph = (value: string): string =>
  text(value)
    .replace(/^([-+=])/, '\\$1')
    .replace(/^(\d+)([.)])/, '$1\\$2');

/** A code span. A bar would end the cell even here, and a backtick the span. Source: GitHub Flavored Markdown, "Tables" and "Code spans". */
function code(value: string): string {
  const plain = visible(value)
    .replace(/\s+/g, ' ')
    .replace(/\|/g, '\\|')
    .replace(/\\\\\|/g, '\\|');
  const longest = Math.max(0, ...[...plain.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = longest > 0 || plain.trim() === '' ? ' ' : '';
  return `${fence}${pad}${plain}${pad}${fence}`;
}

function gateTable({ gate, score, comparison: since, health, before }: Report): string {
  const rows = gate.map(({ rule, observed, passed }) => {
    const bounds = rule.startsWith('score')
      ? `, at best ${tenth(score.atBest)}`
      : rule.startsWith('coverage')
        ? `; of what we saw ${tenth(score.quality)}% held`
        : '';
    return [
      text(rule),
      `${text(observed)}${bounds}`,
      beforeText(rule, since, health ? before : null),
      passed ? '✅' : '❌',
    ];
  });
  const told = rows.some(([, , then]) => then !== '');
  return told
    ? table(['Gate rule', 'Observed', 'Before', ''], 'llrc', rows)
    : table(
        ['Gate rule', 'Observed', ''],
        'llc',
        rows.map(([rule = '', observed = '', , mark = '']) => [rule, observed, mark]),
      );
}

function beforeText(rule: string, since: Report['comparison'], before: Report['before']): string {
  if (rule.startsWith('platform health')) {
    const then = since?.health ?? (before && { ...before, percent: healthPercent(before) });
    return then ? `${then.percent.toFixed(1)} (${then.ready}/${then.desired})` : '';
  }
  if (!since) return '';
  if (rule.startsWith('score')) return tenth(since.score.value);
  return rule.startsWith('coverage') ? tenth(since.score.coverage) : '';
}

function componentTable(report: Report): string {
  const { components, comparison: since } = report;
  const rows = components.map((each) => {
    const before = since?.components[each.id];
    const there = standing(each, report);
    return [
      text([each.title, each.version].filter(Boolean).join(' ')) +
        (each.stance === 'double' ? ' **(double)**' : '') +
        (each.required ? '' : ' *(optional)*'),
      `${COMPONENT_MARKS[each.status]} ${each.status}`,
      ...(since ? [before?.status ?? 'not promised'] : []),
      each.target === null ? '' : `${size(each)} ${each.unit}${text(roleSizes(each))}`,
      `${tenth(each.earned)} / ${tenth(each.points)}`,
      text(remark(each)) + (there === '' ? '' : ` · *${there}*`),
    ];
  });
  return since
    ? table(['Component', 'Status', 'Before', 'Size', 'Points', 'What we saw'], 'lllrrl', rows)
    : table(['Component', 'Status', 'Size', 'Points', 'What we saw'], 'llrrl', rows);
}

function fixTable({ fixFirst, components }: Report): string {
  if (fixFirst.length === 0) return '';
  const owner = (id: string): string => components.find((each) => each.id === id)?.owner ?? '';
  const rows = fixFirst.map(
    ({ rootCause, remedy, pointsAtStake, scoreIfMended, blocks, component, evidence }, index) => [
      String(index + 1),
      `**${text(rootCause)}**: ${text(remedy)}`,
      `+${tenth(pointsAtStake)}`,
      `up to ${tenth(scoreIfMended)}`,
      blocks.length === 0 ? '' : plural(blocks.length, 'check'),
      text([component, owner(component)].filter(Boolean).join(' ')),
      code(bounded(evidence, 240)),
    ],
  );
  return table(['', 'Fix first', 'Worth', 'Score then', 'Also frees', 'Who', 'Evidence'], 'rlrrlll', rows);
}

function problemList({ problems }: Report): string {
  if (problems.length === 0) return '';
  const lines = problems.map(({ where, what, remedy }) => `- ${text(where)}: ${text(what)}. Mend: ${text(remedy)}`);
  return ['**The run itself broke:**', ...lines].join('\n');
}

function waiverList({ waivers }: Report): string {
  if (waivers.length === 0) return '';
  const rows = waivers.map(({ checks, covers, reason, owner, approver, expires, expired, staleSince, points }) => [
    code(checks) + (covers.length ? `, covers ${text(covers.join(', '))}` : ''),
    text(reason),
    text(approver === null ? owner : `${owner}, approved by ${approver}`),
    `${text(expires)}${expired ? ' **expired**' : ''}${staleSince === null ? '' : ' *(nothing needs it any more)*'}`,
    tenth(points),
  ]);
  return table(['Waiver', 'Reason', 'Owner', 'Until', 'Points'], 'llllr', rows);
}

const goalLine = ({ goals }: Report): string =>
  goals.length === 0
    ? ''
    : `Goals: ${goals.map(({ goal, target: wanted, achieved, percent }) => `${text(goal)} ${achieved} of ${wanted}, ${percent}%`).join(' · ')}.`;

const stageLine = ({ stages }: Report): string =>
  stages.length === 0
    ? ''
    : `Stages: ${stages.map(({ stage, percent, estimate }) => `${text(stage)} ${percent === null ? 'not begun' : `${percent}%`}${estimate === null ? '' : ` (estimate ${text(estimate)})`}`).join(' · ')}.`;

const trendLine = ({ trend, score }: Report): string =>
  trend.length === 0
    ? ''
    : `Score of the last ${plural(Math.min(10, trend.length) + 1, 'run')}: ${[...trend.slice(-10).map((each) => each.score), score.value].map(tenth).join(' → ')}.`;

function comparison({ comparison: since }: Report): string {
  if (!since) return '';
  if (!since.comparable) return `Not comparable with run ${code(since.baseline)}: ${text(since.why.join(', '))}.`;
  const list = (refs: readonly string[]): string => (refs.length === 0 ? 'none' : refs.map(code).join(', '));
  return `Since run ${code(since.baseline)}: score ${since.scoreDelta >= 0 ? '+' : ''}${since.scoreDelta.toFixed(1)} · fixed ${list(since.fixed)} · broken ${list(since.broken)} · new ${list(since.new)} · gone ${list(since.gone)}.`;
}

function footer(report: Report): string {
  const { run, cleanup } = report;
  const took = `validation took ${seconds(run.durationMs)}`;
  const mode = run.readOnly ? 'read-only' : `${cleanup.created} scratch objects created, ${cleanup.removed} removed`;
  const whole = run.complete ? 'complete' : `**incomplete: ${text(run.cut ?? 'cut short')}**`;
  return `<sub>Target ${text(target(report))} · ${run.startedAt.slice(0, 16).replace('T', ' ')} UTC, ${took}, ${whole} · ${mode} · run ${run.id} · ${checkCount(report)}</sub>`;
}

function checkTable(component: ReportComponent): string {
  const where = component.endpoints
    .map(({ logical, dialled }) => (logical === dialled ? logical : `${logical} by ${dialled}`))
    .join(', ');
  const storage = component.storage.length > 0 ? `\n\nStored in ${code(component.storage.join(', '))}` : '';
  const rows = component.checks.map((check) => [
    `${CHECK_MARKS[check.status]} ${code(check.id)}`,
    check.level,
    text(check.claim),
    `${check.earned.toFixed(2)} / ${check.points.toFixed(2)}`,
    `${check.durationMs} ms`,
    outcomeText(check),
  ]);
  const head = `### ${text(component.title)} (${text(component.id)})${where ? `\n\nAt ${code(where)}` : ''}${storage}`;
  return `${head}\n\n${table(['Check', 'Level', 'Claim', 'Points', 'Took', 'Evidence'], 'lllrrl', rows)}`;
}

function outcomeText(check: ReportCheck): string {
  const flaky = check.flaky ? '**flaky** · ' : '';
  switch (check.status) {
    case 'passed':
      return flaky + text(facts(check.observed));
    case 'blocked':
      return `blocked by ${code(check.blockedBy ?? '')}`;
    case 'skipped':
      return `not applicable: ${code(check.skippedBecause ?? '')}`;
    case 'deferred':
    case 'failed':
    case 'unobserved':
      return check.diagnosis
        ? `${text(check.diagnosis.cause)}. ${code(bounded(check.diagnosis.evidence, 240))}${again(check)}`
        : `blocked by ${code(check.blockedBy ?? '')}`;
  }
}

/** Since when, and what to type to ask it alone. */
const again = ({ failingSince, reproduce }: ReportCheck): string =>
  failingSince === null ? '' : ` Since ${failingSince.slice(0, 16).replace('T', ' ')}. Alone: ${code(reproduce)}`;

function ledger({ ledger: lines, score }: Report): string {
  if (lines.length === 0) return '';
  const rows = lines.map(({ component, check, points, status, cause }) => [
    text(component),
    code(check),
    points.toFixed(2),
    status,
    text(cause),
  ]);
  const lost = lines.reduce((sum, { points }) => sum + points, 0);
  return `## Where the points went\n\n${table(['Component', 'Check', 'Points', 'Status', 'Cause'], 'llrll', rows)}\n\nTogether ${lost.toFixed(2)}: what is missing from 100 at a score of ${tenth(score.value)}.`;
}

const reproduce = ({ tool, phase }: Report): string =>
  `<sub>${tool.name} ${tool.version}, catalogue ${tool.catalogue.slice(0, 12)}, phase ${phase.id} ${phase.sha256.slice(0, 12)}. Render again from the recorded facts: \`npm run report -- render evidence.json\`</sub>`;
