import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import type { Report } from './model.ts';

/** The report in every format, by file name. */
export function reportFiles(report: Report): ReadonlyMap<string, string> {
  return new Map([
    ['report.json', `${JSON.stringify(report, null, 2)}\n`],
    ['report.md', markdown(report)],
    ['junit.xml', junit(report)],
  ]);
}
