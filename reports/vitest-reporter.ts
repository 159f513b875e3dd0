import type { Reporter, TestCase, TestModule } from 'vitest/node';
import './check-meta.ts';
import type { CheckMeta } from './check-meta.ts';
import type { CatalogueCheck, CheckRecord, Problem } from './model.ts';

/** What the suites declared and what each check came to, as the workers pass it on. */
export interface SuiteListener {
  /** A suite file was collected: the checks that it declares, by component type. */
  declared(type: string, entries: readonly CatalogueCheck[]): void;
  record(record: CheckRecord): void;
  problem(problem: Problem): void;
}

/**
 * Reads records from the tasks' meta. Whatever vitest itself has to complain about, a file that does not load, an error outside
 * of every check, a test that ended without a record, is a problem of the run: it has no verdict then.
 */
export function suiteReporter(listener: SuiteListener): Reporter {
  const metaOf = (test: TestCase): CheckMeta | undefined => test.meta().assay;
  return {
    onTestModuleCollected(module: TestModule) {
      const byType = new Map<string, Map<string, CatalogueCheck>>();
      for (const test of module.children.allTests()) {
        const meta = metaOf(test);
        if (!meta) continue;
        const belongs = projectOf(meta.entry);
        if (module.project.name !== belongs)
          listener.problem({
            where: module.relativeModuleId,
            what: `${meta.entry.id} would run beside others, and one of them would disturb the other`,
            remedy: `move it to ${belongs}.test.ts`,
          });
        const entries = byType.get(meta.type) ?? new Map<string, CatalogueCheck>();
        byType.set(meta.type, entries.set(meta.entry.id, meta.entry));
      }
      for (const [type, entries] of byType) listener.declared(type, [...entries.values()]);
    },
    onTestCaseResult(test) {
      const { records } = metaOf(test) ?? {};
      for (const record of records ?? []) listener.record(record);
      const { state, errors } = test.result();
      if (!records && state === 'failed')
        listener.problem({
          where: test.name,
          what: errors?.[0]?.message ?? 'the check ended without a record',
          remedy: 'report it: this is a defect of the suite, not of the platform',
        });
    },
    onTestRunEnd(modules, errors) {
      for (const module of modules)
        for (const error of module.errors())
          listener.problem({
            where: module.relativeModuleId,
            what: error.message,
            remedy: 'mend the suite file; none of its checks could run',
          });
      for (const error of errors)
        listener.problem({
          where: 'a worker',
          what: error.message,
          remedy: 'report it: an error escaped from every check',
        });
    },
  };
}

/** The vitest project, and so the file name, of a check: what is measured and what disturbs runs apart from all else. */
function projectOf({ level, disruptive }: CatalogueCheck): string {
  if (disruptive) return 'disruption';
  return level === 'performance' ? 'performance' : 'suites';
}
