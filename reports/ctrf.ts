import type { Report, ReportCheck, ReportComponent, Status } from './model.ts';
import { checksOf, isSelected, partial, target, tenth, VERDICT_WORDS } from './words.ts';

/** The version of the Common Test Report Format that this is written to. Source: ctrf.io, "CTRF specification". */
const SPEC_VERSION = '0.0.0';

/** CTRF has five words for a test. What we could not see is `other`, so that no reader counts it as a skip. */
const WORDS = {
  passed: 'passed',
  failed: 'failed',
  blocked: 'pending',
  unobserved: 'other',
  deferred: 'skipped',
  skipped: 'skipped',
} as const satisfies Record<Status, string>;

/** ctrf.json: one test for each check, in the Common Test Report Format. */
export function ctrf(report: Report): string {
  const { run, tool, score } = report;
  const tests = report.components.flatMap((component) => component.checks.map((check) => test(component, check)));
  const count = (status: string): number => tests.filter((each) => each.status === status).length;
  const start = Date.parse(run.startedAt);
  const scope = partial(report);
  const document = {
    reportFormat: 'CTRF',
    specVersion: SPEC_VERSION,
    runId: run.id,
    timestamp: run.finishedAt ?? run.startedAt,
    generatedBy: `${tool.name} ${tool.version}`,
    results: {
      tool: { name: tool.name, version: tool.version },
      summary: {
        tests: tests.length,
        passed: count('passed'),
        failed: count('failed'),
        skipped: count('skipped'),
        pending: count('pending'),
        other: count('other'),
        flaky: checksOf(report).filter(({ flaky }) => flaky).length,
        suites: report.components.length,
        start,
        stop: start + run.durationMs,
        duration: run.durationMs,
        extra: {
          verdict: VERDICT_WORDS[report.verdict],
          score: tenth(score.value),
          coverage: tenth(score.coverage),
          gate: report.gate,
          ...(scope === null ? {} : { scope }),
        },
      },
      tests,
      environment: { appName: report.phase.name, testEnvironment: target(report) },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function test(component: ReportComponent, check: ReportCheck): { status: string } & Record<string, unknown> {
  const { diagnosis } = check;
  const message =
    diagnosis?.cause ?? (check.blockedBy === null ? check.skippedBecause : `blocked by ${check.blockedBy}`);
  return {
    name: check.id,
    testId: `${component.id}/${check.id}`,
    status: isSelected(check) ? WORDS[check.status] : 'skipped',
    rawStatus: check.status,
    duration: check.durationMs,
    suite: [component.id],
    tags: [check.level],
    ...(check.flaky ? { flaky: true } : {}),
    ...(message === null ? {} : { message }),
    ...(diagnosis ? { trace: `${diagnosis.remedy}\n${diagnosis.evidence}` } : {}),
    extra: { claim: check.claim, points: check.points, earned: check.earned },
  };
}
