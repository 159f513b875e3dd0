import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createVitest } from 'vitest/node';
import type { Problem } from './model.ts';
import { suiteReporter } from './vitest-reporter.ts';

const BROKEN = {
  'does-not-load.test.ts': "import './is-not-there.ts';",
  'breaks-off.test.ts':
    "import { test } from 'vitest'; test('a check', () => { throw new Error('before its record'); });",
  'escapes.test.ts':
    "import { test } from 'vitest'; test('a check', async () => { Promise.reject(new Error('past every check')); await new Promise((done) => setTimeout(done, 50)); });",
};

/** What the reporter tells of a real run of vitest over these files. A problem is what leaves a run without a verdict. */
async function problemsOf(files: Readonly<Record<string, string>>): Promise<Problem[]> {
  const root = mkdtempSync(join(tmpdir(), 'assay-reporter-'));
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(root, name), text.replaceAll("'vitest'", JSON.stringify(import.meta.resolve('vitest'))));
  const problems: Problem[] = [];
  const reporter = suiteReporter({
    declared: () => undefined,
    record: () => undefined,
    problem: (problem) => void problems.push(problem),
  });
  const { exitCode } = process;
  const vitest = await createVitest({ root, config: false as never, watch: false, reporters: [reporter] });
  try {
    await vitest.start();
  } finally {
    await vitest.close();
    process.exitCode = exitCode;
    rmSync(root, { recursive: true });
  }
  return problems;
}

test('a file that does not load, a check without a record and an error outside of all are problems of the run', async () => {
  const problems = await problemsOf(BROKEN);
  expect(problems.map(({ where }) => where).sort()).toEqual(['a check', 'a worker', 'does-not-load.test.ts']);
  const what = problems.map((problem) => problem.what).join('\n');
  expect(what).toContain('is-not-there.ts');
  expect(what).toContain('before its record');
  expect(what).toContain('past every check');
});

test('a run of sound files has none', async () => {
  const sound = { 'sound.test.ts': "import { test } from 'vitest'; test('a check', () => undefined);" };
  expect(await problemsOf(sound)).toEqual([]);
});
