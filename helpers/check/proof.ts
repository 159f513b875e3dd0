import { randomBytes } from 'node:crypto';
import { afterAll, expect, inject, test } from 'vitest';
import { type FaultProxy, openProxy } from '../../fixtures/faults/proxy.ts';
import { openScriptedPeer, type Script } from '../../fixtures/faults/scripted-peer.ts';
import '../../reports/proof-meta.ts';
import type { CauseClass, Component, DoorRecord, Outcome } from '../../reports/model.ts';
import type { ProofMeta } from '../../reports/proof-meta.ts';
import { BUDGETS } from '../budgets.ts';
import { openCluster } from '../kubernetes/cluster.ts';
import { knockSafely } from '../preflight.ts';
import type { Route } from '../route.ts';
import type { Secrets, Target } from '../service.ts';
import { localDisruption } from './disruption.ts';
import type { Handout } from './handout.ts';
import { type Provable, provableCheck } from './proof-registry.ts';
import type { Runner, Stage } from './runner.ts';

/** What a fault has to work with. */
export interface FaultContext {
  /** The component by way of the proxies. */
  readonly target: Target;
  /** A proxy before every address that the component declares, in the order of the phase file, and before the API server of its cluster. */
  readonly proxies: readonly FaultProxy[];
  /** What the local platform exports. */
  readonly env: Handout['local']['env'];
  /** Id of a process of the component's own by its name, such as kafka-1. */
  pid(name: string): number;
}

type Predicate = Extract<Outcome, { status: 'skipped' }>['predicate'];

/** @param env what the local platform exports: addresses of its other listeners, for one */
type Declare = (component: Component, env: Handout['local']['env']) => Component;

/** What a check must come to under a fault. */
export interface Expectation {
  /** Class of its diagnosis. */
  readonly expect: CauseClass;
  /** The subject that it must name, where it can. */
  readonly subject?: string;
}

/** Stands before the local service and answers for what that one lacks. What is proven by it is told apart. */
export interface ScriptedPeer {
  readonly script: Script;
  /** The component as the phase file would have it, if the service had what the script answers for. */
  declare(component: Component): Component;
  /** Absent: the component's own. */
  readonly password?: string | null;
}

export interface Fault {
  /** In words: what is broken. */
  readonly fault: string;
  /** Where the local service lacks what the check asks for: answers in its place, with the fault and without. */
  readonly peer?: ScriptedPeer;
  /** The least promised size of a platform on which it can be made, in the component's unit. */
  readonly size?: number;
  /** What of this platform keeps it from being made, as observed; null: nothing. */
  readonly barred?: (component: Component, version: string | null) => Predicate | null;
  /** Checks that must have left their objects first, on the healthy platform. */
  readonly given?: readonly string[];
  /** When the fault begins: before preflight, or when all that the checks need has passed. */
  readonly from: 'door' | 'body';
  /** The component as the phase file would have it wrong, where the fault is in the phase file. */
  readonly declare?: Declare;
  /** What the phase file gives in place of the component's password. */
  readonly password?: string;
  /** Breaks it, where `declare` does not do so already. Where it returns an AsyncDisposable, that mends it; proxies heal by themselves. */
  readonly break?: (context: FaultContext) => Promise<unknown>;
}

export type Proof = Fault & Expectation;

/** By service type, or by the scripted peer that stands before it. */
const HEALTHY = new Map<string | ScriptedPeer, Promise<Stand>>();

/**
 * Declares the fault under which a check must fail with the right diagnosis, and shows that it passes without: by the same client and the
 * same way, through proxies that carry everything unchanged until the fault begins. Where the check does not apply to the platform there is
 * nothing to show, and the proof says so.
 */
export function prove(id: string, { expect, subject, ...fault }: Proof): void {
  proveTogether(fault, { [id]: subject === undefined ? { expect } : { expect, subject } });
}

/** Proves several checks under one fault that is costly to make: it is made once, and all of them run while it lasts. */
export function proveTogether(fault: Fault, expectations: Readonly<Record<string, Expectation>>): void {
  const ids = Object.keys(expectations);
  let made: Promise<ReadonlyMap<string, Outcomes>> | null = null;
  for (const [id, expectation] of Object.entries(expectations)) {
    const scripted = fault.peer !== undefined;
    const meta: ProofMeta = { check: id, fault: fault.fault, expected: expectation.expect, scripted };
    test(`${id} fails when ${fault.fault}`, { meta: { proof: meta } }, async ({ task, signal, skip }) => {
      const { target, unit } = promised(provableCheck(id));
      if (fault.size !== undefined && (target ?? 1) < fault.size) {
        task.meta.proof = { ...meta, inapplicable: `${unit} = ${target}` };
        skip(`it takes ${fault.size} ${unit}`);
      }
      made ??= withAndWithout(ids, fault, signal);
      const { without, under } = (await made).get(id) as Outcomes;
      if (without.status === 'skipped') {
        const { name, value } = without.predicate;
        task.meta.proof = { ...meta, inapplicable: `${name} = ${JSON.stringify(value)}` };
        skip(words(without));
      }
      expect(without.status, `without the fault: ${words(without)}`).toBe('passed');
      task.meta.proof = { ...meta, seen: words(under) };
      expect(under.status, words(under)).toBe('failed');
      if (under.status !== 'failed') return;
      expect(under.diagnosis.class, words(under)).toBe(expectation.expect);
      if (expectation.subject !== undefined) expect(under.diagnosis.subject, words(under)).toBe(expectation.subject);
    });
  }
}

/** One component behind proxies, with a runner of its own. */
interface Stand extends AsyncDisposable {
  readonly runner: Runner;
  readonly context: FaultContext;
  /** As the door told it. */
  readonly version: string | null;
}

async function healthyStand(provable: Provable, peer: ScriptedPeer | undefined): Promise<Stand> {
  const key = peer ?? provable.service.type;
  const open = HEALTHY.get(key) ?? openStand(provable, peer ? { peer } : {});
  HEALTHY.set(key, open);
  return open;
}

afterAll(async () => {
  for (const open of HEALTHY.values()) await (await open)[Symbol.asyncDispose]();
});

interface Outcomes {
  readonly without: Outcome;
  readonly under: Outcome;
}

async function withAndWithout(
  ids: readonly string[],
  fault: Fault,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Outcomes>> {
  const provables = ids.map(provableCheck);
  const [provable] = provables as [Provable, ...Provable[]];
  const { runner, context, version } = await healthyStand(provable, fault.peer);
  const predicate = fault.barred?.(context.target.component, version) ?? null;
  if (predicate !== null) {
    const skipped: Outcome = { status: 'skipped', predicate };
    return new Map(ids.map((id) => [id, { without: skipped, under: skipped }] as const));
  }
  for (const first of fault.given ?? []) await runner.run(first, signal);
  const without = await runAll(runner, ids, signal);
  // The fault may need what makes the check apply.
  const inapplicable = without.every(({ status }) => status === 'skipped');
  const under = inapplicable ? without : await underFault(provable, ids, fault, signal);
  return new Map(ids.map((id, at) => [id, { without: without[at] as Outcome, under: under[at] as Outcome }] as const));
}

async function underFault(
  provable: Provable,
  ids: readonly string[],
  fault: Fault,
  signal: AbortSignal,
): Promise<Outcome[]> {
  let mend: AsyncDisposable | undefined;
  const breakIt = async (context: FaultContext): Promise<void> => {
    mend = disposable(await fault.break?.(context));
  };
  const stand = await openStand(provable, {
    ...(fault.peer ? { peer: fault.peer } : {}),
    ...(fault.declare ? { declare: fault.declare } : {}),
    ...(fault.password === undefined ? {} : { secrets: { password: fault.password } }),
    ...(fault.from === 'door' ? { beforeDoor: breakIt } : {}),
  });
  try {
    if (fault.from === 'body') {
      const needs = new Set(ids.flatMap((id) => provable.checks.get(id)?.spec.needs ?? []));
      await runAll(stand.runner, [...needs], signal);
      await breakIt(stand.context);
    }
    return await runAll(stand.runner, ids, signal);
  } finally {
    await mend?.[Symbol.asyncDispose]();
    await Promise.all(stand.context.proxies.map((proxy) => proxy.heal()));
    await stand[Symbol.asyncDispose]();
  }
}

const runAll = async (runner: Runner, ids: readonly string[], signal: AbortSignal): Promise<Outcome[]> =>
  (await Promise.all(ids.map((id) => runner.run(id, signal)))).map(({ outcome }) => outcome);

const disposable = (value: unknown): AsyncDisposable | undefined =>
  typeof value === 'object' && value !== null && Symbol.asyncDispose in value ? (value as AsyncDisposable) : undefined;

function promised({ service }: Pick<Provable, 'service'>): Component {
  const { phase } = inject('assay');
  const component = phase.components.find(({ type }) => type === service.type);
  if (!component) throw new Error(`${phase.file} has no component of type ${service.type}`);
  return component;
}

interface StandOptions {
  readonly peer?: ScriptedPeer;
  readonly declare?: Declare;
  readonly secrets?: Secrets;
  readonly beforeDoor?: (context: FaultContext) => Promise<void>;
}

async function openStand(
  { service, runOn }: Provable,
  { peer, declare, secrets, beforeDoor }: StandOptions,
): Promise<Stand> {
  const handout = inject('assay');
  const written = promised({ service });
  const usual = peer ? peer.declare(written) : written;
  const component = declare ? declare(usual, handout.local.env) : usual;
  const dialled = new Map<string, string>();
  const route: Route = { path: 'loopback', dial: (logical) => dialled.get(logical) ?? logical };
  const wanted = service.census?.(component);
  const cluster =
    handout.phase.cluster && wanted && openCluster(handout.phase.cluster, [wanted], route.dial, () => undefined);
  const apiServer = cluster ? [new URL(await cluster.server()).host] : [];
  const addresses = [...new Set([...Object.values(component.endpoints).flat(), ...apiServer])];
  const peers = await Promise.all(peer ? addresses.map((address) => openScriptedPeer(address, peer.script)) : []);
  const proxies = await Promise.all(addresses.map((address, index) => openProxy(peers[index]?.address ?? address)));
  for (const [at, address] of addresses.entries()) dialled.set(address, proxies[at]?.address ?? address);
  const declared = secrets ??
    (peer?.password === undefined ? handout.secrets[component.id] : { password: peer.password }) ?? { password: null };
  const target: Target = { component, secrets: declared, route, ...(cluster ? { cluster } : {}) };
  const context: FaultContext = {
    target,
    proxies,
    env: handout.local.env,
    pid(name) {
      const own = handout.local.processes[component.id] ?? {};
      const pid = own[name];
      if (pid === undefined) throw new Error(`${component.id} runs no ${name}: it runs ${Object.keys(own).join(', ')}`);
      return pid;
    },
  };
  await beforeDoor?.(context);
  const began = performance.now();
  const seen = await knockSafely(service, target, AbortSignal.timeout(BUDGETS.preflight));
  const door: DoorRecord = {
    component: component.id,
    check: service.door,
    durationMs: Math.round(performance.now() - began),
    ...seen,
  };
  const stage: Stage = {
    ...handout,
    target,
    door,
    neededDoors: [],
    scratchLabel: `${FILE}${(stands++).toString(36)}`,
    disruption: localDisruption(handout.local.processes[component.id]),
  };
  const runner = runOn(stage);
  return {
    runner,
    context,
    version: door.version,
    async [Symbol.asyncDispose]() {
      await Promise.race([runner[Symbol.asyncDispose](), new Promise((done) => setTimeout(done, BUDGETS.close))]);
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
      await Promise.all(peers.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

/** Stands so far: each has scratch names of its own, apart from those of other proof files in the same run. */
let stands = 0;
const FILE = `p${randomBytes(2).toString('hex')}`;

function words(outcome: Outcome): string {
  switch (outcome.status) {
    case 'passed':
      return 'passed';
    case 'blocked':
      return `blocked by ${outcome.by.check}`;
    case 'skipped':
      return `skipped: ${outcome.predicate.name}`;
    case 'failed':
    case 'unobserved':
      return `${outcome.status}: ${outcome.diagnosis.class}: ${outcome.diagnosis.cause} (${outcome.diagnosis.evidence})`;
  }
}
