import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { validate } from 'ctrf';
import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { ctrf } from './ctrf.ts';
import {
  blocked,
  evidenceOf,
  failed,
  notSelected,
  passed,
  unobserved,
  waiver,
  workedExample,
} from './evidence.fixture.ts';
import { reportFiles } from './files.ts';
import { html } from './html.ts';
import { judge } from './judge.ts';
import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import { openMetrics } from './openmetrics.ts';
import { EvidenceSchema, parse, ReportSchema, reportJsonSchema } from './schemas.ts';
import { terminal } from './terminal.ts';

const report = judge(workedExample());
const plain = { colour: false, out: 'reports/out/phase-3' };

describe('the terminal', () => {
  test('says verdict, causes and where to read on, within 80 columns', () => {
    expect(terminal(report, plain)).toMatchInlineSnapshot(`
      "FAIL  Advanced Features                            score 45.0/100   at best 72.3
            target staging, in-cluster, revision e85df35 seen 72.7% held 61.9%

       x kafka Failed         2/3   13.2/60.0  fewer brokers than replicas
       + es    Complete         -   31.8/40.0  8 held; no repository is declared

      Fix first
       1 +25.8 kafka: fewer brokers than replicas; frees 4 checks
           mend: mend: fewer brokers than replicas
       2 +9.0 kafka: replication factor 1
           mend: mend: replication factor 1
       3 +6.0 kafka: 2 of 3 brokers are registered
           mend: mend: 2 of 3 brokers are registered
       4 +6.0 kafka: anonymous gets in
           mend: mend: anonymous gets in
       5 +4.0 es: 5 replica shards have no node
           mend: mend: 5 replica shards have no node
       and 2 more in the report

      gate   score >= 90: 45.0
      gate   coverage >= 90: 72.7
      gate   required components hold reach, serve, round-trip: kafka: 2 not held
      gate   durability and security hold or are waived: kafka.internal
      report reports/out/phase-3/report.md   report.json  junit.xml  evidence.json
      exit 1 FAIL  4 of 7 rules broken  23 checks in 9.0 s  staging (in-cluster)
      "
    `);
  });

  test('keeps to its width and to ASCII whatever a service says', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom('a', ' ', 'b', '0', '-') }), {
          maxLength: 12,
        }),
        (words) => {
          const cause = words.join(' ');
          const evidence = evidenceOf([
            {
              id: 'kafka',
              weight: 1,
              checks: [
                ['kafka.x', 'reach', failed(cause)],
                ['kafka.y', 'serve', passed()],
              ],
            },
          ]);
          for (const line of terminal(judge(evidence), plain).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
        },
      ),
    );
  });

  test('has no escape where no colour is wanted, and some where it is', () => {
    expect(terminal(report, plain)).not.toContain('\x1b');
    expect(terminal(report, { ...plain, colour: true })).toContain('\x1b[31m');
  });
});

describe('every format', () => {
  const some = evidenceOf(
    [
      {
        id: 'kafka',
        weight: 1,
        checks: [
          ['kafka.a', 'reach', passed()],
          ['kafka.b', 'serve', notSelected],
        ],
      },
    ],
    { run: { scope: { only: ['kafka'], levels: ['reach'], names: [] } } },
  );

  test('begins with PARTIAL where the run was selected', () => {
    const partial = judge(some);
    expect(terminal(partial, plain)).toMatch(/^PARTIAL/);
    expect(markdown(partial)).toMatch(/^PARTIAL/);
    expect(junit(partial)).toMatch(/<testsuites name="PARTIAL /);
    expect(partial.run.scope).not.toBeNull();
  });

  test('is the same bytes for the same evidence', () => {
    expect([...reportFiles(judge(workedExample()))]).toEqual([...reportFiles(judge(workedExample()))]);
  });

  test('never reads as a pass where the run broke', () => {
    const broken = judge({
      ...workedExample(),
      problems: [{ where: 'suites/kafka', what: 'does not load', remedy: 'mend it' }],
    });
    expect(terminal(broken, plain)).toMatch(/^NO VERDICT/);
    expect(terminal(broken, plain)).toMatch(/exit 3 NO VERDICT/);
    expect(markdown(broken)).toContain('# ⚠️ NO VERDICT');
    expect(junit(broken)).toContain('type="no-verdict"');
  });
});

describe('report.md', () => {
  test('lets no text of a service end its cell or become markup', () => {
    const evil = 'a|b\n# head <img src=x> [link](y) `code`';
    const text = markdown(
      judge(evidenceOf([{ id: 'kafka', weight: 1, checks: [['kafka.x', 'reach', failed(evil)]] }])),
    );
    expect(text).not.toMatch(/^# head/m);
    const outsideCode = text.replace(/(`+)[^`].*?[^`]\1(?!`)/g, '');
    expect(outsideCode).not.toMatch(/(?<!\\)<img/);
    const table = text.split('\n').filter((line) => line.startsWith('| ❌ `kafka.x`'));
    expect(table[0]?.split(/(?<!\\)\|/)).toHaveLength(8);
  });

  test('says of a pass how many waivers it rests on', () => {
    const waived = evidenceOf(
      [
        { id: 'a', weight: 9, checks: [['a.x', 'reach', passed()]] },
        { id: 'b', weight: 1, checks: [['b.x', 'reach', failed('gone')]] },
      ],
      { waivers: [waiver('b.*')] },
    );
    expect(markdown(judge(waived))).toContain('# ✅ PASS with 1 waiver (10.0 points)');
  });
});

describe('junit.xml', () => {
  test('is well formed whatever a service says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (cause) => {
        const text = junit(
          judge(evidenceOf([{ id: 'kafka', weight: 1, checks: [['kafka.x', 'reach', failed(cause)]] }])),
        );
        expect(XMLValidator.validate(text)).toBe(true);
      }),
    );
  });

  test('counts what it holds; what was not seen is an error, what is blocked a skip', () => {
    const evidence = evidenceOf([
      {
        id: 'kafka',
        weight: 1,
        checks: [
          ['kafka.a', 'reach', failed('down')],
          ['kafka.b', 'serve', blocked('kafka', 'kafka.a')],
          ['kafka.c', 'security', unobserved('no permission')],
        ],
      },
    ]);
    const parsed = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(junit(judge(evidence)));
    const [, kafka] = parsed.testsuites.testsuite;
    expect(kafka).toMatchObject({ tests: '3', failures: '1', errors: '1', skipped: '1' });
  });

  test('is red in its own suite where the gate is', () => {
    expect(junit(report)).toMatch(/classname="gate" name="score &gt;= 90"[^>]*>\s*<failure message="observed 45.0"/);
  });
});

describe('report.json', () => {
  const schema = reportJsonSchema();

  test('fits the committed schema, and the schema fits the code (npm run catalogue writes it)', () => {
    const committed = JSON.parse(readFileSync(join(import.meta.dirname, 'report.schema.json'), 'utf8'));
    expect(committed).toEqual(schema);
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile(committed);
    validate(JSON.parse(JSON.stringify(report)));
    expect(validate.errors).toBeNull();
  });

  test('is read back as it was written', () => {
    const text = reportFiles(report).get('report.json') ?? '';
    expect(parse(ReportSchema, text)).toEqual({ ok: true, value: report });
  });

  test('names the field of a file that is something else', () => {
    expect(parse(ReportSchema, '{')).toMatchObject({ ok: false, problem: expect.stringMatching(/^not JSON/) });
    expect(parse(EvidenceSchema, JSON.stringify({ ...workedExample(), doors: 3 }))).toEqual({
      ok: false,
      problem: 'doors: Invalid input: expected array, received number',
    });
  });
});

describe('ctrf.json', () => {
  test('is valid by the format’s own library, with the counts of the report', () => {
    const document = JSON.parse(ctrf(report));
    expect(validate(document)).toMatchObject({ valid: true });
    expect(document.results.summary).toMatchObject({
      tests: 23,
      passed: 11,
      failed: 5,
      pending: 4,
      skipped: 3,
      other: 0,
    });
  });
});

test('the counts of every format agree', () => {
  const checks = report.components.flatMap((component) => component.checks);
  const count = (status: string): number => checks.filter((check) => check.status === status).length;
  const xml = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(junit(report));
  const suites: Record<string, string>[] = xml.testsuites.testsuite.slice(1);
  const inXml = (attribute: string): number => suites.reduce((sum, suite) => sum + Number(suite[attribute]), 0);
  expect([inXml('tests'), inXml('failures')]).toEqual([checks.length, count('failed')]);
  const held = openMetrics(report)
    .split('\n')
    .filter((line) => line.startsWith('assay_check_held'));
  expect(held).toHaveLength(checks.length);
  expect(held.filter((line) => line.endsWith(' 1'))).toHaveLength(count('passed'));
  expect(html(report).match(/data-status="failed"/g)).toHaveLength(count('failed'));
  expect(markdown(report).match(/^\| ❌ `/gm)).toHaveLength(count('failed'));
});
