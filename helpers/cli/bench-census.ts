import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fill } from '../../fixtures/benches/pods.ts';
import { up } from '../../fixtures/platform/platform.ts';
import { ROOT } from '../catalogue.ts';
import { openApi } from '../kubernetes/api.ts';
import { readAccess } from '../kubernetes/kubeconfig.ts';
import { until } from '../poll.ts';
import type { Output } from './output.ts';
import type { Stop } from './stop.ts';

const SIZES = [1_000, 10_000] as const;
const NAMESPACE = 'bench';
/** Of what kubectl takes for the pods alone, in the same run. */
const LIMIT_SHARE = 0.5;
const LIMIT_MB = 300;

interface Taken {
  /** Wall time of the whole process, its start included. */
  readonly ms: number;
  /** Its peak of resident memory; null where this system does not tell. */
  readonly mb: number | null;
}

export interface CensusBench {
  readonly lines: readonly string[];
  /** Null: nothing could be measured here, and the lines say why. */
  readonly withinLimits: boolean | null;
}

/** The census of a real API server beside kubectl, which lists the same pods in the same run. */
export async function benchCensus(output: Output, stop: Stop): Promise<CensusBench> {
  const platform = await up(['kubernetes'], { progress: output.progress, signal: stop.signal, keep: false });
  try {
    const [service] = platform.services;
    if (!platform.owned)
      return {
        lines: [
          'census               not measured: take the cluster down first (npm run local -- down kubernetes), it would be left with ten thousand pods',
        ],
        withinLimits: null,
      };
    if (service?.remedy) return { lines: [`census               not measured: ${service.remedy}`], withinLimits: null };
    return await measure(platform.exports.KUBERNETES_ADMIN_KUBECONFIG ?? '', output, stop);
  } finally {
    await platform.down();
  }
}

async function measure(kubeconfig: string, output: Output, { signal }: Stop): Promise<CensusBench> {
  await using api = await openApi(await readAccess({ kubeconfig, context: null, uid: null }));
  await api.ask('POST', '/api/v1/namespaces', signal, { json: { metadata: { name: NAMESPACE } } });
  const lines: string[] = [];
  const walls: number[] = [];
  let within = true;
  let there = 0;
  for (const size of SIZES) {
    output.progress(`creating pods until there are ${size}`);
    await fill(api, NAMESPACE, there, size, signal);
    there = size;
    const census = await best(() =>
      take(process.execPath, [join(ROOT, 'fixtures/benches/census-once.ts'), kubeconfig]),
    );
    const args = ['--kubeconfig', kubeconfig, 'get', 'pods', '-A', '-o', 'json'];
    const kubectl = await best(() => take('kubectl', args)).catch(() => null);
    if (!census) throw new Error('the census ended with an error');
    walls.push(census.ms);
    const beside = kubectl
      ? `kubectl ${kubectl.ms} ms and ${kubectl.mb} MB: ${(census.ms / kubectl.ms).toFixed(2)} of its time, limit ${LIMIT_SHARE}`
      : 'no kubectl on PATH to measure beside';
    lines.push(
      `census, ${String(size).padEnd(6)} pods  ${census.ms} ms and ${census.mb} MB, limit ${LIMIT_MB} MB; ${beside}`,
    );
    within &&= (census.mb ?? 0) < LIMIT_MB && (kubectl === null || census.ms < kubectl.ms * LIMIT_SHARE);
  }
  const [small = 1, large = 0] = walls;
  lines.push(`                     ten times the pods took ${(large / small).toFixed(1)} times as long`);
  return { lines, withinLimits: within };
}

/** The least of three: what else the machine does only adds. */
async function best(once: () => Promise<Taken>): Promise<Taken> {
  const taken = [await once(), await once(), await once()];
  return taken.reduce((a, b) => (b.ms < a.ms ? b : a));
}

/** Runs a program to its end and throws its output away. */
async function take(command: string, args: readonly string[]): Promise<Taken> {
  const began = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  const stopped = new AbortController();
  let mb: number | null = null;
  const watching = until(
    () => {
      mb = Math.max(mb ?? 0, peakOf(child.pid) ?? 0) || null;
      return undefined;
    },
    stopped.signal,
    10,
  ).catch(() => undefined);
  const [code] = await ended;
  const ms = Math.round(performance.now() - began);
  stopped.abort();
  await watching;
  if (code !== 0) throw new Error(`${command} ended with exit code ${code}`);
  return { ms, mb };
}

/** Source: proc_pid_status(5), VmHWM. */
function peakOf(pid: number | undefined): number | null {
  try {
    const kb = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kb === undefined ? null : Math.round(Number(kb) / 1_024);
  } catch {
    return null;
  }
}
