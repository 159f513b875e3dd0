import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { marked, type Token } from 'marked';
import { describe, expect, test } from 'vitest';
import { ctrf } from './ctrf.ts';
import { blocked, evidenceOf, failed, passed, unobserved, waiver } from './evidence.fixture.ts';
import { githubAnnotations } from './github.ts';
import { html } from './html.ts';
import { judge } from './judge.ts';
import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import type { Report } from './model.ts';
import { openMetrics } from './openmetrics.ts';
import { terminal } from './terminal.ts';

/** A report in which every text that we did not write ourselves is the given one. */
function saying(words: string): Report {
  const evidence = evidenceOf(
    [
      {
        id: 'kafka',
        weight: 1,
        door: { version: words, endpoints: [{ logical: words, dialled: `${words}!`, path: 'direct' }] },
        checks: [
          ['kafka.a', 'reach', failed(words)],
          ['kafka.b', 'serve', blocked('kafka', 'kafka.a')],
          ['kafka.c', 'security', unobserved(words)],
          ['kafka.d', 'hygiene', { ...passed(), observed: { [words]: words } } as ReturnType<typeof passed>],
        ],
      },
    ],
    {
      waivers: [waiver('kafka.c', { reason: words, owner: words, approver: words })],
      phase: {
        name: words,
        notes: words,
        target: { name: words, path: 'direct', revision: words },
        stages: { s: { of: ['kafka'], estimate: words } },
      },
    },
  );
  return judge({ ...evidence, problems: [{ where: words, what: words, remedy: words }] });
}

/** How many cases a soak tries (`npm run soak`). */
const SOAK = process.env.ASSAY_SOAK === undefined ? null : Number(process.env.ASSAY_SOAK);

const calm = saying('calm');

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style></script></title>',
  ']]>',
  '&lt;b&gt;&amp;',
  '| a | b |\n|--|--|\n# head\n- list\n> quote',
  '[link](javascript:alert(1)) ![image](x) <http://auto.link> www.auto.link https://auto.link',
  '**bold** _it_ ~~gone~~ `code` ``` \\| \\',
  '::error title=x::y\r\n::set-output name=x::y',
  '\u001b[31mred\u001b[0m\u0007\u0000\u009b2J',
  '\u202egnihton\u202c \u2066x\u2069',
  '\ud800 lone',
  '\uffff\u0001',
  'x" 1\n# EOF\nassay_score 100',
  '{"a":1}',
  '- list',
  '1. one',
  '===',
  '    code',
  '+ x',
  'a'.repeat(100_000),
];

const words = fc
  .oneof(
    fc.constantFrom(...HOSTILE),
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...HOSTILE.slice(0, -1)), { maxLength: 3 }).map((parts) => parts.join('')),
  )
  .filter((each) => each.trim() !== '');

/** Kinds of the tokens that a GFM reader sees, with the width of each table. */
function shape(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => {
    if (token.type === 'table')
      return [`table ${token.header.length} ${token.rows.map((row: unknown[]) => row.length).join()}`];
    return token.type === 'space' ? [] : [token.type];
  });
}

function inlineKinds(source: string): Set<string> {
  const kinds = new Set<string>();
  marked.walkTokens(
    marked.lexer(source, { gfm: true }),
    (token) => void kinds.add(token.type === 'html' ? token.raw.replace(/^<(\/?\w+).*$/s, 'html <$1>') : token.type),
  );
  return kinds;
}

const tags = (page: string): string[] => [...page.matchAll(/<\/?([a-z0-9]+)/g)].map(([tag]) => tag);

describe('no text of others changes the form of', () => {
  const holds = (name: string, check: (report: Report) => void, runs = 150): void => {
    test(
      name,
      () => {
        for (const each of HOSTILE) check(saying(each));
        fc.assert(
          fc.property(words, (each) => check(saying(each))),
          { numRuns: SOAK ?? runs },
        );
      },
      SOAK === null ? 20_000 : 600_000,
    );
  };

  holds('report.md', (report) => {
    const source = markdown(report);
    expect(shape(marked.lexer(source, { gfm: true }))).toEqual(shape(marked.lexer(markdown(calm), { gfm: true })));
    for (const kind of inlineKinds(source))
      expect(inlineKinds(markdown(calm)).has(kind) || kind === 'escape', kind).toBe(true);
  });

  holds('report.html', (report) => {
    const page = html(report);
    expect(tags(page)).toEqual(tags(html(calm)));
    expect(page).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
  });

  holds('junit.xml', (report) => {
    const source = junit(report);
    expect(XMLValidator.validate(source)).toBe(true);
    const names = (text: string): string[] =>
      new XMLParser({ ignoreAttributes: false })
        .parse(text)
        .testsuites.testsuite.map((suite: Record<string, unknown>) => `${suite['@_name']} ${suite['@_tests']}`);
    expect(names(source)).toEqual(names(junit(calm)));
  });

  holds('ctrf.json', (report) => {
    expect(JSON.parse(ctrf(report)).results.tests).toHaveLength(4);
  });

  holds('metrics.txt', (report) => {
    const kinds = (text: string): string[] => text.split('\n').map((line) => line.replace(/[{ ].*$/, ''));
    expect(kinds(openMetrics(report))).toEqual(kinds(openMetrics(calm)));
  });

  holds('the annotations of GitHub', (report) => {
    const lines = githubAnnotations(report).trimEnd().split('\n');
    expect(lines).toHaveLength(githubAnnotations(calm).trimEnd().split('\n').length);
    for (const line of lines) expect(line).toMatch(/^::(error|warning|notice) title=[^:]*::/);
  });

  holds('the terminal', (report) => {
    const lines = terminal(report, { colour: false, out: 'reports/out/x' }).split('\n');
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
    expect(lines.at(-2)).toMatch(/^exit 3 NO VERDICT/);
  });
});
