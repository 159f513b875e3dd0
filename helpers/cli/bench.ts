import { evidenceOf, failed, passed, type TableComponent } from '../../reports/evidence.fixture.ts';
import { reportFiles } from '../../reports/files.ts';
import { judge } from '../../reports/judge.ts';
import { LEVELS } from '../../reports/model.ts';
import { terminal } from '../../reports/terminal.ts';
import { benchCensus } from './bench-census.ts';
import type { Output } from './output.ts';
import { stopOnSignals } from './stop.ts';

const CHECKS = 10_000;
const LIMIT_MS = 2_000;
const LIMIT_MB = 300;

/**
 * Speed and scale: judging and rendering beside what the same machine needs in the same run to write and read the evidence as JSON, which is
 * the least that any tool would have to do; the census of a cluster beside kubectl. Exit code 1 where a limit is passed.
 */
export async function bench(_argv: readonly string[], output: Output): Promise<number> {
  const components = Array.from({ length: 100 }, (_, c): TableComponent => {
    const checks = Array.from(
      { length: CHECKS / 100 },
      (_, i) =>
        [`c${c}.${i}`, LEVELS[i % LEVELS.length] ?? 'reach', i % 5 ? passed() : failed(`cause ${i % 7}`)] as const,
    );
    return { id: `c${c}`, weight: c + 1, checks };
  });
  const evidence = evidenceOf(components);
  const took = (work: () => unknown): number => {
    const began = performance.now();
    work();
    return performance.now() - began;
  };
  const plain = took(() => JSON.parse(JSON.stringify(evidence)));
  const whole = took(() => {
    const report = judge(evidence);
    reportFiles(report);
    terminal(report, { colour: false, out: 'reports/out/bench' });
  });
  const memory = process.memoryUsage().rss / 1_048_576;
  output.result(
    [
      `checks               ${CHECKS}`,
      `judged and rendered  ${Math.round(whole)} ms, limit ${LIMIT_MS} ms`,
      `written and read     ${Math.round(plain)} ms as JSON in the same run`,
      `ratio                ${(whole / plain).toFixed(1)}`,
      `memory               ${Math.round(memory)} MB of the whole process, limit ${LIMIT_MB} MB`,
    ].join('\n'),
  );
  using stop = stopOnSignals(null, output.progress);
  const census = await benchCensus(output, stop);
  for (const line of census.lines) output.result(line);
  return whole < LIMIT_MS && memory < LIMIT_MB && census.withinLimits !== false ? 0 : 1;
}
