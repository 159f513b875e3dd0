import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { evidenceOf, failed, notSelected, passed, unobserved, workedExample } from './evidence.fixture.ts';
import { judge } from './judge.ts';
import { junit } from './junit.ts';

/** The schema of Jenkins' xUnit plugin, as pytest holds its own reports to it; libxml2 does the reading. */
const SCHEMA = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'formats', 'junit-10.xsd'), 'utf8');

const flaws = async (xml: string): Promise<string[]> => {
  const { errors } = await validateXML({ xml: { fileName: 'junit.xml', contents: xml }, schema: SCHEMA });
  return errors.map(({ message }) => message);
};

const some = (...checks: Parameters<typeof evidenceOf>[0][number]['checks'][number][]) =>
  evidenceOf([{ id: 'kafka', weight: 1, checks }]);

describe('junit.xml is valid by the schema that CI servers hold it to', () => {
  test.each([
    ['of a failed gate', workedExample()],
    ['of a passed gate', some(['kafka.a', 'reach', passed()])],
    ['of a partial run', { ...some(['kafka.a', 'reach', passed()], ['kafka.b', 'serve', notSelected]) }],
    [
      'without a verdict',
      {
        ...some(['kafka.a', 'reach', unobserved('no permission')]),
        problems: [{ where: 'suites/kafka', what: 'does not load', remedy: 'mend it' }],
      },
    ],
    ['with hostile text', some(['kafka.a', 'reach', failed(']]> <!-- & "\u0000\u001b[31m\ud800')])],
  ])('%s', async (_, evidence) => {
    expect(await flaws(junit(judge(evidence)))).toEqual([]);
  });

  test('and the schema would refuse another form', async () => {
    const xml = junit(judge(workedExample())).replace('<testcase classname', '<testcase nameless');
    expect(await flaws(xml)).not.toEqual([]);
  });
});
