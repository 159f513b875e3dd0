import type { Report } from './model.ts';
import { noVerdictReason, tenth, verdictWords } from './words.ts';

/** GitHub shows no more of one kind in a step. */
const MOST = 10;

/**
 * Workflow commands for a GitHub Actions log: the verdict, and an annotation for each root cause, not for each symptom.
 * Source: GitHub documentation, "Workflow commands for GitHub Actions".
 */
export function githubAnnotations(report: Report): string {
  const headline = `${verdictWords(report)}: ${report.phase.name}, score ${tenth(report.score.value)} of 100`;
  const lines = report.fixFirst
    .slice(0, MOST - 1)
    .map(({ rootCause, remedy, component, pointsAtStake }) =>
      command(
        report.verdict === 'pass' ? 'warning' : 'error',
        `${component}: ${rootCause}`,
        `${remedy} (+${tenth(pointsAtStake)} points)`,
      ),
    );
  const head =
    report.verdict === 'pass'
      ? command('notice', headline, `${report.gate.length} rules hold`)
      : command(
          'error',
          headline,
          report.verdict === 'no-verdict'
            ? noVerdictReason(report)
            : report.gate
                .filter(({ passed }) => !passed)
                .map(({ rule, observed }) => `${rule}: ${observed}`)
                .join('\n'),
        );
  return `${[head, ...lines].join('\n')}\n`;
}

const command = (kind: string, title: string, message: string): string =>
  `::${kind} title=${property(title)}::${data(message)}`;

/** No text of a service may end the line, and so begin a command of its own. */
const data = (value: string): string =>
  value.toWellFormed().replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
const property = (value: string): string => data(value).replace(/:/g, '%3A').replace(/,/g, '%2C');
