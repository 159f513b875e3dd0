import { afterAll, expect, inject, test } from 'vitest';
import { type FaultProxy, openProxy } from '../../fixtures/faults/proxy.ts';
import '../../reports/proof-meta.ts';
import type { CauseClass, CheckRecord, Component, DoorRecord, Outcome } from '../../reports/model.ts';
import type { ProofMeta } from '../../reports/proof-meta.ts';
import { BUDGETS } from '../budgets.ts';
import { knockSafely } from '../preflight.ts';
import type { Route } from '../route.ts';
import type { Secrets, Target } from '../service.ts';
import type { Handout } from './handout.ts';
import { type Provable, provableCheck } from './proof-registry.ts';
import type { Runner, Stage } from './runner.ts';

/** What a fault has to work with. */
export interface FaultContext {
  /** The component by way of the proxies. */
  readonly target: Target;
  /** A proxy before every address that the component declares, in the order of the phase file. */
  readonly proxies: readonly FaultProxy[];
  /** What the local platform exports. */
  readonly env: Handout['local']['env'];
  /** Process id of a local service by its name, such as kafka-1. */
  pid(name: string): number;
}

/** @param env what the local platform exports: addresses of its other listeners, for one */
type Declare = (component: Component, env: Handout['local']['env']) => Component;

export interface Proof {
  /** In words: what is broken. */
  readonly fault: string;
  /** Class of the diagnosis that the check must come to. */
  readonly expect: CauseClass;
  /** The subject that it must name, where it can. */
  readonly subject?: string;
  /** Checks that must have left their objects first, on the healthy platform. */
  readonly given?: readonly string[];
  /** When the fault begins: before preflight, or when all that the check needs has passed. */
  readonly from: 'door' | 'body';
  /** The component as the phase file would have it wrong, where the fault is in the phase file. */
  readonly declare?: Declare;
  /** What the phase file gives in place of the component's password. */
  readonly password?: string;
  /** Breaks it, where `declare` does not do so already. Where it returns an AsyncDisposable, that mends it; proxies heal by themselves. */
  readonly break?: (context: FaultContext) => Promise<unknown>;
}

const HEALTHY = new Map<string, Promise<Stand>>();

/**
 * Declares the fault under which a check must fail with the right diagnosis, and shows that it passes without: by the same client and the
 * same way, through proxies that carry everything unchanged until the fault begins.
 */
export function prove(id: string, proof: Proof): void {
  const meta: ProofMeta = { check: id, fault: proof.fault, expected: proof.expect };
  test(`${id} fails when ${proof.fault}`, { meta: { proof: meta } }, async ({ task, signal }) => {
    const provable = provableCheck(id);
    const { runner } = await healthyStand(provable);
    for (const first of proof.given ?? []) await runner.run(first, signal);
    const healthy = await runner.run(id, signal);
    expect(healthy.outcome.status, `without the fault: ${words(healthy.outcome)}`).toBe('passed');

    const { outcome } = await underFault(provable, id, proof, signal);
    task.meta.proof = { ...meta, seen: words(outcome) };
    expect(outcome.status, words(outcome)).toBe('failed');
    if (outcome.status !== 'failed') return;
    expect(outcome.diagnosis.class, words(outcome)).toBe(proof.expect);
    if (proof.subject !== undefined) expect(outcome.diagnosis.subject, words(outcome)).toBe(proof.subject);
  });
}

/** Names a check that no fault of ours can make fail here, with the reason. It stays in the table, unproven. */
export function unprovable(id: string, reason: string): void {
  test.skip(
    `${id} can not be proven here: ${reason}`,
    { meta: { proof: { check: id, fault: reason, expected: 'our-side', unprovable: reason } } },
    () => undefined,
  );
}

/** One component behind proxies, with a runner of its own. */
interface Stand extends AsyncDisposable {
  readonly runner: Runner;
  readonly context: FaultContext;
}

async function healthyStand(provable: Provable): Promise<Stand> {
  const { type } = provable.service;
  const open = HEALTHY.get(type) ?? openStand(provable, {});
  HEALTHY.set(type, open);
  return open;
}

afterAll(async () => {
  for (const open of HEALTHY.values()) await (await open)[Symbol.asyncDispose]();
});

async function underFault(provable: Provable, id: string, proof: Proof, signal: AbortSignal): Promise<CheckRecord> {
  let mend: AsyncDisposable | undefined;
  const breakIt = async (context: FaultContext): Promise<void> => {
    mend = disposable(await proof.break?.(context));
  };
  const stand = await openStand(provable, {
    ...(proof.declare ? { declare: proof.declare } : {}),
    ...(proof.password === undefined ? {} : { secrets: { password: proof.password } }),
    ...(proof.from === 'door' ? { beforeDoor: breakIt } : { before: { id, act: breakIt } }),
  });
  try {
    return await stand.runner.run(id, signal);
  } finally {
    await mend?.[Symbol.asyncDispose]();
    await Promise.all(stand.context.proxies.map((proxy) => proxy.heal()));
    await stand[Symbol.asyncDispose]();
  }
}

const disposable = (value: unknown): AsyncDisposable | undefined =>
  typeof value === 'object' && value !== null && Symbol.asyncDispose in value ? (value as AsyncDisposable) : undefined;

interface StandOptions {
  readonly declare?: Declare;
  readonly secrets?: Secrets;
  readonly beforeDoor?: (context: FaultContext) => Promise<void>;
  readonly before?: { readonly id: string; readonly act: (context: FaultContext) => Promise<void> };
}

async function openStand(
  { service, runOn }: Provable,
  { declare, secrets, beforeDoor, before }: StandOptions,
): Promise<Stand> {
  const handout = inject('assay');
  const promised = handout.phase.components.find(({ type }) => type === service.type);
  if (!promised) throw new Error(`${handout.phase.file} has no component of type ${service.type}`);
  const component = declare ? declare(promised, handout.local.env) : promised;
  const addresses = [...new Set(Object.values(component.endpoints).flat())];
  const proxies = await Promise.all(addresses.map((address) => openProxy(address)));
  const dialled = new Map(addresses.map((address, index) => [address, proxies[index]?.address ?? address]));
  const route: Route = { path: 'loopback', dial: (logical) => dialled.get(logical) ?? logical };
  const declared = secrets ?? handout.secrets[component.id] ?? { password: null };
  const target: Target = { component, secrets: declared, route };
  const context: FaultContext = {
    target,
    proxies,
    env: handout.local.env,
    pid(name) {
      const pid = handout.local.processes[name];
      if (pid === undefined)
        throw new Error(
          `the local platform runs no ${name}: it runs ${Object.keys(handout.local.processes).join(', ')}`,
        );
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
    scratchLabel: `p${(stands++).toString(36)}`,
    beforeBody: async (id) => {
      if (before?.id === id) await before.act(context);
    },
  };
  const runner = runOn(stage);
  return {
    runner,
    context,
    async [Symbol.asyncDispose]() {
      await Promise.race([runner[Symbol.asyncDispose](), new Promise((done) => setTimeout(done, BUDGETS.close))]);
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    },
  };
}

/** Stands so far: each has scratch names of its own. */
let stands = 0;

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
