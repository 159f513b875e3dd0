import { randomUUID } from 'node:crypto';
import { type HttpMessage, rewriteHttpAnswers } from '../../fixtures/faults/http-answers.ts';
import { pauseProcess } from '../../fixtures/faults/process.ts';
import type { FaultProxy } from '../../fixtures/faults/proxy.ts';
import type { FaultContext } from '../../helpers/check/proof.ts';
import { until } from '../../helpers/poll.ts';
import { direct } from '../../helpers/route.ts';
import { connectMysql } from '../../helpers/wire/mysql.ts';

/** A paused BE misses its heartbeat after 5 s, and is back with the next one after it goes on. */
const HEARTBEATS_MS = 20_000;

/** The proxies before one endpoint, in the order of its addresses. */
export function before({ proxies, target }: FaultContext, endpoint: string): FaultProxy[] {
  const { endpoints } = target.component;
  const all = [...new Set(Object.values(endpoints).flat())];
  return (endpoints[endpoint] ?? []).map((address) => proxies[all.indexOf(address)] as FaultProxy);
}

/** Stops BEs of the local platform and waits until the FE has found out. Their mending waits until it counts all of them again. */
export async function stopBackends({ pid, env }: FaultContext, ids: readonly number[]): Promise<AsyncDisposable> {
  const all = (env.DORIS_BE ?? '').split(',').length;
  const online = (count: number): Promise<true> =>
    until(
      async () => ((await onlineBackends(env.DORIS_HTTP ?? '')) === count ? true : undefined),
      AbortSignal.timeout(HEARTBEATS_MS),
    );
  const paused = await Promise.all(ids.map((id) => pauseProcess(pid(`doris-be-${id}`))));
  const mend = async (): Promise<void> => {
    for (const each of paused) await each[Symbol.asyncDispose]();
    await online(all);
  };
  try {
    await online(all - ids.length);
  } catch (error) {
    await mend();
    throw error;
  }
  return { [Symbol.asyncDispose]: mend };
}

async function onlineBackends(frontend: string): Promise<number> {
  const answer = await fetch(`http://${frontend}/api/health`);
  return ((await answer.json()) as { data: { online_backend_num: number } }).data.online_backend_num;
}

/** Takes root's password away, as a fresh installation has none. Mended, it has one that nobody knows. */
export async function openRoot({ target }: FaultContext): Promise<AsyncDisposable> {
  const here = { ...target, route: direct('loopback') };
  const [address = ''] = target.component.endpoints.query ?? [];
  const login = { user: target.component.credentials?.user ?? '', password: target.secrets.password ?? '' };
  const { connection } = await connectMysql(here, address, login, AbortSignal.timeout(HEARTBEATS_MS));
  const set = (password: string) => connection.promise().query(`SET PASSWORD FOR 'root' = PASSWORD('${password}')`);
  await set('');
  return {
    async [Symbol.asyncDispose]() {
      await set(randomUUID());
      connection.destroy();
    },
  };
}

/** Changes fields of the JSON in the answers at one path; the rest of the path may vary. */
export const rewriteJson = (ending: string, change: (body: Record<string, unknown>) => object) =>
  rewriteHttpAnswers(
    ({ path }) => path.split('?')[0]?.endsWith(ending) ?? false,
    (answer: HttpMessage) => ({
      ...answer,
      body: Buffer.from(JSON.stringify(change(JSON.parse(answer.body.toString()) as Record<string, unknown>))),
    }),
  );
