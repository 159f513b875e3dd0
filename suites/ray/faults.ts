import { readFileSync } from 'node:fs';
import { BUDGETS } from '../../helpers/budgets.ts';
import type { FaultContext, ScriptedPeer } from '../../helpers/check/proof.ts';
import { service } from '../../helpers/connect/ray.ts';
import { until } from '../../helpers/poll.ts';

/** The last node of the local platform, by its process and by its address. */
export const LAST_NODE = { name: 'ray-4', address: '127.0.0.4' } as const;

/** The control store counts a node as dead after five looks that nobody answers: 14 s as measured. */
const DEAD_MS = 60_000;
const LOOK_MS = 200;

/**
 * Kills the raylet of the last node as the kernel does when memory runs out, and goes on once the control store knows; disposing starts the
 * node again.
 */
export async function killRaylet({ target, pid }: FaultContext): Promise<AsyncDisposable> {
  const { restart } = await import('../../fixtures/platform/platform.ts');
  const node = pid(LAST_NODE.name);
  const alive = async (): Promise<boolean> => {
    await using ray = await service.open(target, AbortSignal.timeout(BUDGETS.attempt));
    const nodes = await ray.nodes(AbortSignal.timeout(BUDGETS.answer));
    return nodes.some((each) => each.alive && each.address === LAST_NODE.address);
  };
  const becomes = (wanted: boolean): Promise<true> =>
    until(async () => ((await alive()) === wanted ? true : undefined), AbortSignal.timeout(DEAD_MS), LOOK_MS);
  process.kill(rayletOf(node), 'SIGKILL');
  await becomes(false);
  return {
    async [Symbol.asyncDispose]() {
      await restart(node);
      await becomes(true);
    },
  };
}

/** Source: proc_pid_children(5) and proc_pid_comm(5). */
function rayletOf(node: number): number {
  const children = readFileSync(`/proc/${node}/task/${node}/children`, 'utf8').trim().split(' ').map(Number);
  const raylet = children.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'raylet');
  if (raylet === undefined) throw new Error(`process ${node} has no raylet: its children are ${children.join(', ')}`);
  return raylet;
}

/** Serve on a Ray that has it, with one application. Source: docs.ray.io, "Serve REST API". */
export const withServe: ScriptedPeer = {
  declare: (component) => component,
  script: async ({ method, path }) =>
    method === 'GET' && path === '/api/serve/applications/'
      ? {
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ applications: APPLICATIONS }),
        }
      : undefined,
};

const APPLICATIONS = {
  text: { status: 'RUNNING', message: '', deployments: { Translator: { status: 'HEALTHY', message: '' } } },
};
