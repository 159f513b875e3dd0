import { ctrf } from './ctrf.ts';
import { html } from './html.ts';
import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import type { Report } from './model.ts';
import { openMetrics } from './openmetrics.ts';

/** The report in every format, by file name. */
export function reportFiles(report: Report): ReadonlyMap<string, string> {
  return new Map([
    ['report.json', `${JSON.stringify(report, null, 2)}\n`],
    ['report.md', markdown(report)],
    ['report.html', html(report)],
    ['junit.xml', junit(report)],
    ['ctrf.json', ctrf(report)],
    ['metrics.txt', openMetrics(report)],
  ]);
}
