import type { Report, ReportCheck, ReportComponent } from './model.ts';
import { isSelected, noVerdictReason, partial, target, VERDICT_WORDS } from './words.ts';

/**
 * junit.xml in the form that CI servers read: a suite for each component, and one for the gate, so that a CI server can't show green
 * where the gate is red. What we could not see is an error there, not a skip; what a named failure blocks is a skip.
 * Source: the schema of Jenkins' xUnit plugin, junit-10.xsd, which has no `skipped` for all suites together.
 */
export function junit(report: Report): string {
  const suites = [gateSuite(report), ...report.components.map(componentSuite)];
  const heading = partial(report);
  const name = `${heading === null ? '' : 'PARTIAL '}${report.phase.name}`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${xml(name)}" ${totals(suites.flatMap(({ cases }) => cases))} time="${time(report.run.durationMs)}">`,
    ...suites.map((each) => suiteText(each, report.run.startedAt)),
    '</testsuites>',
    '',
  ].join('\n');
}

type Result =
  | { readonly kind: 'passed' }
  | {
      readonly kind: 'failure' | 'error' | 'skipped';
      readonly type: string;
      readonly message: string;
      readonly body?: string;
    };

interface Case {
  readonly name: string;
  readonly ms: number;
  readonly result: Result;
}

interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
  readonly properties: Readonly<Record<string, string>>;
}

const count = (cases: readonly Case[], kind: Result['kind']): number =>
  cases.filter(({ result }) => result.kind === kind).length;

const totals = (cases: readonly Case[]): string =>
  `tests="${cases.length}" failures="${count(cases, 'failure')}" errors="${count(cases, 'error')}"`;

function suiteText({ name, cases, properties }: Suite, at: string): string {
  const ms = cases.reduce((sum, each) => sum + each.ms, 0);
  return [
    `  <testsuite name="${xml(name)}" ${totals(cases)} skipped="${count(cases, 'skipped')}" time="${time(ms)}" timestamp="${xml(at)}">`,
    '    <properties>',
    ...Object.entries(properties).map(([key, value]) => `      <property name="${xml(key)}" value="${xml(value)}"/>`),
    '    </properties>',
    ...cases.map((each) => testcase(name, each)),
    '  </testsuite>',
  ].join('\n');
}

function testcase(classname: string, { name, ms, result }: Case): string {
  const open = `    <testcase classname="${xml(classname)}" name="${xml(name)}" time="${time(ms)}"`;
  if (result.kind === 'passed') return `${open}/>`;
  const body = result.body === undefined ? '/>' : `>${xml(result.body)}</${result.kind}>`;
  const type = result.kind === 'skipped' ? '' : ` type="${xml(result.type)}"`;
  return `${open}>\n      <${result.kind} message="${xml(result.message)}"${type}${body}\n    </testcase>`;
}

function gateSuite(report: Report): Suite {
  const rules = report.gate.map(
    ({ rule, observed, passed }): Case => ({
      name: rule,
      ms: 0,
      result: passed ? { kind: 'passed' } : { kind: 'failure', type: 'gate', message: `observed ${observed}` },
    }),
  );
  const broken: Result = { kind: 'error', type: 'no-verdict', message: noVerdictReason(report) };
  const verdict: Case = {
    name: 'the run has a verdict',
    ms: 0,
    result: report.verdict === 'no-verdict' ? broken : { kind: 'passed' },
  };
  const scope = partial(report);
  return {
    name: 'gate',
    cases: [...rules, verdict],
    properties: {
      verdict: VERDICT_WORDS[report.verdict],
      score: report.score.value.toFixed(1),
      coverage: report.score.coverage.toFixed(1),
      target: target(report),
      run: report.run.id,
      ...(scope === null ? {} : { scope }),
    },
  };
}

function componentSuite(component: ReportComponent): Suite {
  const { id, checks, status, stance, version, points, earned } = component;
  return {
    name: id,
    cases: checks.map((check): Case => ({ name: check.id, ms: check.durationMs, result: resultOf(check) })),
    properties: { status, stance, version: version ?? '', points: points.toFixed(2), earned: earned.toFixed(2) },
  };
}

function resultOf(check: ReportCheck): Result {
  const { diagnosis } = check;
  const body = diagnosis ? `${diagnosis.cause}\nMend: ${diagnosis.remedy}\nEvidence: ${diagnosis.evidence}` : '';
  switch (check.status) {
    case 'passed':
      return { kind: 'passed' };
    case 'failed':
      return {
        kind: 'failure',
        type: diagnosis?.class ?? 'unexplained',
        message: diagnosis?.cause ?? check.claim,
        body,
      };
    case 'blocked':
      return { kind: 'skipped', type: 'blocked', message: `blocked by ${check.blockedBy}` };
    case 'unobserved':
      return isSelected(check)
        ? { kind: 'error', type: 'unobserved', message: diagnosis?.cause ?? 'not observed', body }
        : { kind: 'skipped', type: 'unobserved', message: 'not selected' };
    case 'deferred':
      return {
        kind: 'skipped',
        type: 'deferred',
        message: `deferred by a waiver: ${diagnosis?.cause ?? `blocked by ${check.blockedBy}`}`,
      };
    case 'skipped':
      return { kind: 'skipped', type: 'skipped', message: `not applicable: ${check.skippedBecause}` };
  }
}

const time = (ms: number): string => (ms / 1_000).toFixed(3);

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};

/** Text for an attribute or a body. What XML 1.0 has no way to write (section 2.2) becomes U+FFFD. */
function xml(value: string): string {
  return value
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD')
    .replace(/[&<>"'\n\r\t]/g, (mark) => ESCAPES[mark] ?? mark);
}
