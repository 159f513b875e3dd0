import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CatalogueCheck, LEVELS, type Problem } from '../../reports/model.ts';
import { reportJsonSchema } from '../../reports/schemas.ts';
import { suiteReporter } from '../../reports/vitest-reporter.ts';
import { catalogueFile, ROOT } from '../catalogue.ts';
import type { Handout } from '../check/handout.ts';
import { writePhaseSchema } from '../phase/json-schema.ts';
import type { Service } from '../service.ts';
import { loadServices } from '../services.ts';
import type { Output } from './output.ts';
import { openVitest, runVitest } from './vitest-runs.ts';

/** Writes what the code declares to where it is frozen: the catalogues of the suites and the JSON Schemas. Ids are never renamed. */
export async function catalogue(_argv: readonly string[], output: Output): Promise<number> {
  const services = await loadServices();
  const declared = new Map<string, CatalogueCheck[]>();
  const problems: Problem[] = [];
  const vitest = await openVitest('all-suites', [
    suiteReporter({
      declared: (type, entries) => void declared.set(type, [...(declared.get(type) ?? []), ...entries]),
      record: () => undefined,
      problem: (problem) => void problems.push(problem),
    }),
  ]);
  for (const project of vitest.projects) project.provide('assay', declarationsOnly([...services.values()]));
  await runVitest(vitest, [], new AbortController().signal);
  for (const { where, what, remedy } of problems) output.progress(`${where}: ${what}. Mend: ${remedy}`);
  if (problems.length > 0) return 3;
  for (const type of readdirSync(join(ROOT, 'suites'))) {
    const door = services.get(type)?.door;
    const rank = ({ id, level }: CatalogueCheck): string => `${LEVELS.indexOf(level)} ${id === door ? '' : id}`;
    const entries = (declared.get(type) ?? []).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
    writeFileSync(catalogueFile(type), `${JSON.stringify(entries, null, 2)}\n`);
    output.result(`suites/${type}/catalogue.json: ${entries.length} checks`);
  }
  writeFileSync(join(ROOT, 'reports', 'report.schema.json'), `${JSON.stringify(reportJsonSchema(), null, 2)}\n`);
  await writePhaseSchema(services);
  return 0;
}

/** A component of every type, none of them selected: the suites declare and nothing runs. */
function declarationsOnly(services: readonly Service[]): Handout {
  return {
    runId: '',
    startedAt: 0,
    phase: {
      schemaVersion: 1,
      id: 'declarations',
      name: 'declarations',
      file: '',
      sha256: '',
      environment: null,
      local: false,
      writes: false,
      target: { name: 'none', path: 'direct', revision: null },
      components: services.map(({ type, title, unit, weight }) => ({
        id: type,
        type,
        title,
        required: true,
        weight,
        needs: [],
        owner: null,
        runbook: null,
        target: null,
        unit,
        stance: 'real',
        endpoints: {},
        tls: null,
        credentials: null,
        settings: {},
      })),
      gate: { score: 0, coverage: 0, health: null, requiredLevels: [], flaky: null, noRegression: true },
      starts: null,
      before: null,
      stages: {},
      waivers: [],
      goals: {},
      notes: null,
    },
    secrets: {},
    doors: [],
    cluster: null,
    readOnly: true,
    disrupt: true,
    selection: { only: ['none'], levels: [] },
    ledger: null,
    proving: false,
    local: { env: {}, processes: {} },
  };
}
