import type { ComponentStatus, Report, ReportComponent } from './model.ts';
import { bounded, visible } from './untrusted.ts';
import {
  checkCount,
  EXIT_CODES,
  noVerdictReason,
  partial,
  plural,
  remark,
  seconds,
  size,
  target,
  tenth,
  VERDICT_WORDS,
  verdictWords,
} from './words.ts';

const MARKS = {
  Complete: '+',
  Deferred: '-',
  'In Progress': '~',
  Blocked: 'x',
  Failed: 'x',
  'Not Deployed': 'x',
  'Not Observed': '?',
} as const satisfies Record<ComponentStatus, string>;

const MARK_COLOURS: Readonly<Record<string, number>> = { '+': 32, x: 31, '~': 33, '-': 36, '?': 33 };

export interface TerminalOptions {
  readonly colour: boolean;
  /** Folder of the report's files, as the reader would type it. */
  readonly out: string;
  /** Characters a line. */
  readonly width?: number;
}

/**
 * The last screen. ASCII marks, so that any locale and log viewer shows them; the first word is the verdict and the last line
 * repeats it with the exit code; most points lost first.
 */
export function terminal(report: Report, { colour, out, width = 80 }: TerminalOptions): string {
  const paint = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const { score, run } = report;
  const verdict = verdictWords(report);
  const head = VERDICT_WORDS[report.verdict];
  const shade = report.verdict === 'pass' ? 32 : report.verdict === 'fail' ? 31 : 33;
  const notes = partial(report);
  const bar = `score ${tenth(score.value)}/100   at best ${tenth(score.atBest)}`;
  const title = clip(`${head}  ${report.phase.name}`, width - bar.length - 2);
  const lines = [
    ...(notes === null ? [] : wrap(notes, width, '')),
    paint(shade, title) + ' '.repeat(Math.max(2, width - title.length - bar.length)) + bar,
    ...wrap(
      `target ${target(report)}   seen ${tenth(score.coverage)}%  held ${tenth(score.quality)}%`,
      width,
      '      ',
    ),
    ...(report.health
      ? [`      pods ${report.health.ready}/${report.health.desired} ${report.health.percent.toFixed(1)}%`]
      : []),
    ...(report.verdict === 'no-verdict' ? wrap(noVerdictReason(report), width, '      ') : []),
    '',
    ...componentLines(report.components, width, (mark, line) => paint(MARK_COLOURS[mark] ?? 0, line)),
  ];
  if (report.fixFirst.length > 0) lines.push('', 'Fix first', ...fixLines(report, width));
  if (report.problems.length > 0)
    lines.push(
      '',
      'Broken in the run itself',
      ...report.problems.flatMap(({ where, what, remedy }) => wrap(`${where}: ${what}. Mend: ${remedy}`, width, ' ')),
    );
  if (report.comparison) lines.push('', ...comparisonLines(report, width));
  const broken = report.gate.filter(({ passed }) => !passed);
  lines.push(
    '',
    ...(broken.length === 0
      ? [clip(`gate   all ${plural(report.gate.length, 'rule')} hold`, width)]
      : broken.map(({ rule, observed }) => clip(`gate   ${rule}: ${observed}`, width))),
    clip(`report ${out}/report.md   report.json  junit.xml  evidence.json`, width),
  );
  const reasons = report.verdict === 'fail' ? `  ${broken.length} of ${report.gate.length} rules broken` : '';
  const counted = `${checkCount(report)} in ${seconds(run.durationMs)}`;
  lines.push(
    paint(
      shade,
      clip(
        `exit ${EXIT_CODES[report.verdict]} ${verdict}${reasons}  ${counted}  ${report.target.name} (${report.target.path})`,
        width,
      ),
    ),
  );
  return `${lines.join('\n')}\n`;
}

function componentLines(
  components: readonly ReportComponent[],
  width: number,
  paint: (mark: string, line: string) => string,
): string[] {
  const lost = (each: ReportComponent): number => each.points - each.earned;
  const name = ({ title, version }: ReportComponent): string => (version === null ? title : `${title} ${version}`);
  const column = Math.min(24, Math.max(...components.map((each) => name(each).length)));
  return [...components]
    .sort((a, b) => lost(b) - lost(a))
    .map((each) => {
      const mark = MARKS[each.status];
      const points = `${tenth(each.earned)}/${tenth(each.points)}`;
      const stance = each.stance === 'double' ? '[double] ' : '';
      return paint(
        mark,
        clip(
          ` ${mark} ${clip(name(each), column).padEnd(column)} ${each.status.padEnd(12)} ${size(each).padStart(5)} ${points.padStart(11)}  ${stance}${remark(each)}`,
          width,
        ),
      );
    });
}

function fixLines({ fixFirst }: Report, width: number): string[] {
  const shown = fixFirst.slice(0, 5).flatMap(({ pointsAtStake, component, rootCause, remedy, blocks }, index) => {
    const frees = blocks.length === 0 ? '' : `; frees ${plural(blocks.length, 'check')}`;
    return [
      ...wrap(`${index + 1} +${tenth(pointsAtStake)} ${component}: ${rootCause}${frees}`, width, ' '),
      ...wrap(`mend: ${remedy}`, width, '     '),
    ];
  });
  return fixFirst.length > 5 ? [...shown, ` and ${fixFirst.length - 5} more in the report`] : shown;
}

function comparisonLines({ comparison }: Report, width: number): string[] {
  if (!comparison) return [];
  if (!comparison.comparable)
    return wrap(`not comparable with ${comparison.baseline}: ${comparison.why.join(', ')}`, width, '');
  const { scoreDelta, fixed, broken } = comparison;
  return wrap(
    `since ${comparison.baseline}: ${scoreDelta >= 0 ? '+' : ''}${scoreDelta.toFixed(1)}, fixed ${fixed.join(', ') || 'none'}, broken ${broken.join(', ') || 'none'}`,
    width,
    '',
  );
}

function clip(text: string, width: number): string {
  const line = visible(text).replace(/\s/g, ' ');
  return line.length > width ? `${line.slice(0, Math.max(0, width - 3))}...` : line;
}

/** Breaks at spaces, and inside a word that is longer than a line; every line but the first is set in by four more. */
function wrap(text: string, width: number, indent: string): string[] {
  const room = width - indent.length - 4;
  const words = visible(bounded(text, 600))
    .split(/\s+/)
    .flatMap((word) => word.match(new RegExp(`.{1,${room}}`, 'gsu')) ?? []);
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    const next = line.trim() === '' ? `${line}${word}` : `${line} ${word}`;
    if (next.length <= width || line.trim() === '') line = next;
    else {
      lines.push(line);
      line = `${indent}    ${word}`;
    }
  }
  return [...lines, line];
}
