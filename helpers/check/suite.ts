import { afterAll, describe, inject, test } from 'vitest';
import '../../reports/check-meta.ts';
import type { CheckMeta } from '../../reports/check-meta.ts';
import type { CheckRecord, Component } from '../../reports/model.ts';
import './handout.ts';
import { seenCluster } from '../kubernetes/cluster.ts';
import { direct } from '../route.ts';
import type { Service } from '../service.ts';
import { localDisruption } from './disruption.ts';
import { registerForProof } from './proof-registry.ts';
import { createRunner, type Runner, type Stage } from './runner.ts';
import { type Body, type Check, type CheckSpec, catalogueEntry } from './spec.ts';

export type Declare<Name extends string, Client> = (id: string, spec: CheckSpec, body: Body<Name, Client>) => void;

/**
 * Opens a suite file: the checks declared by the function that it returns are run for every component of the service's type
 * in the phase, each as a vitest test named `<id> <claim>`.
 */
export function suite<Name extends string, Client extends AsyncDisposable>(
  service: Service<Name, Client>,
): Declare<Name, Client> {
  const checks = new Map<string, Check<Name, Client>>();
  const handout = inject('assay');
  if (!handout) throw new Error('checks need the launcher: npm test -- suites/<component>');
  if (handout.proving) return toBeProved(service, checks);
  const components = handout.phase.components.filter(({ type }) => type === service.type);
  const runners = new Map<string, Runner>();
  const runnerOf = (component: Component): Runner => {
    const runner = runners.get(component.id) ?? createRunner(service, checks, stageOf(component));
    runners.set(component.id, runner);
    return runner;
  };
  afterAll(async () => {
    for (const runner of runners.values()) await runner[Symbol.asyncDispose]();
  });

  function stageOf(component: Component): Stage {
    const door = handout.doors.find((each) => each.component === component.id);
    if (!door) throw new Error(`preflight has not been at the door of ${component.id}`);
    return {
      ...handout,
      target: {
        component,
        secrets: handout.secrets[component.id] ?? { password: null },
        route: direct(handout.phase.target.path),
        ...(handout.cluster ? { cluster: seenCluster(handout.cluster) } : {}),
      },
      door,
      neededDoors: handout.doors.filter((each) => component.needs.includes(each.component)),
      disruption: handout.disrupt ? localDisruption(handout.local.processes[component.id]) : null,
    };
  }

  const declare: Declare<Name, Client> = (id, spec, body) => {
    admit(checks, { id, spec, body });
    const entry = catalogueEntry({ id, spec });
    for (const component of components) {
      const meta: CheckMeta = { component: component.id, type: service.type, entry };
      describe(component.title, { concurrent: true }, () => {
        test(`${id} ${spec.claim}`, {
          meta: { assay: meta },
          concurrent: true,
          skip: !selected(component, spec),
        }, async (context) => {
          const runner = runnerOf(component);
          const record = await runner.run(id, context.signal);
          context.task.meta.assay = { ...meta, records: await runner.records(id) };
          report(record, context.skip);
        });
      });
    }
  };

  const selected = (component: Component, spec: CheckSpec): boolean => {
    const { only, levels } = handout.selection;
    return (
      (only.length === 0 || only.includes(component.id)) &&
      (levels.length === 0 || levels.includes(spec.level)) &&
      (handout.disrupt || !spec.disruptive)
    );
  };

  return declare;
}

function admit<Name extends string, Client>(
  checks: Map<string, Check<Name, Client>>,
  check: Check<Name, Client>,
): void {
  if (checks.has(check.id)) throw new Error(`${check.id} is declared twice`);
  for (const need of check.spec.needs ?? [])
    if (!checks.has(need)) throw new Error(`${check.id} needs ${need}, which is not declared above it`);
  checks.set(check.id, check);
}

/** In a proof the checks of a suite file are looked up by id instead of run as tests. */
function toBeProved<Name extends string, Client extends AsyncDisposable>(
  service: Service<Name, Client>,
  checks: Map<string, Check<Name, Client>>,
): Declare<Name, Client> {
  return (id, spec, body) => {
    admit(checks, { id, spec, body });
    registerForProof(service, { id, spec, body });
  };
}

/** Gives vitest its own word for the outcome, so that its exit, its filters and its editors' integrations tell the same. */
function report({ outcome }: CheckRecord, skip: (note: string) => void): void {
  if (outcome.status === 'failed') throw new Error(`${outcome.diagnosis.cause} (${outcome.diagnosis.evidence})`);
  if (outcome.status === 'blocked') skip(`blocked by ${outcome.by.component}/${outcome.by.check}`);
  if (outcome.status === 'unobserved') skip(`unobserved: ${outcome.diagnosis.cause}`);
  if (outcome.status === 'skipped')
    skip(`not applicable: ${outcome.predicate.name} = ${JSON.stringify(outcome.predicate.value)}`);
}
