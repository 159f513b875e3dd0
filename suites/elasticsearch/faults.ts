import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pauseProcess } from '../../fixtures/faults/process.ts';
import type { Rewriter } from '../../fixtures/faults/proxy.ts';
import { BUDGETS } from '../../helpers/budgets.ts';
import type { FaultContext } from '../../helpers/check/proof.ts';
import { until } from '../../helpers/poll.ts';

/** An index whose only shard no node may have: the cluster is red until it is removed. */
export const unallocatableIndex = (context: FaultContext): Promise<AsyncDisposable> =>
  put(context, '/assay-fault-unallocatable?wait_for_active_shards=0&timeout=1s', {
    settings: { number_of_replicas: 0, 'index.routing.allocation.require._name': 'nobody' },
  });

/** Somebody's index with these settings, one shard where they say nothing of it. */
export const indexWith =
  (settings: (context: FaultContext) => object) =>
  (context: FaultContext): Promise<AsyncDisposable> =>
    put(context, '/assay-fault-index', { settings: { number_of_replicas: 0, ...settings(context) } });

/** A template that every scratch index gets. @param priority over those of other templates */
export const templateWith =
  (template: object, priority = 0) =>
  (context: FaultContext): Promise<AsyncDisposable> =>
    put(context, '/_index_template/assay-fault', { index_patterns: ['assay-2*'], priority, template });

/** The block of the flood stage for every scratch index: it can be created and deleted, and takes no document. */
export const floodStage = templateWith({ settings: { 'index.blocks.read_only_allow_delete': true } });

/** Settings of the cluster as a hurried hand leaves them. */
export const clusterSettings =
  (settings: Readonly<Record<string, string | number | boolean>>) =>
  async (context: FaultContext): Promise<AsyncDisposable> => {
    const set = (transient: object): Promise<unknown> => ask(context, 'PUT', '/_cluster/settings', { transient });
    await set(settings);
    const back = Object.fromEntries(Object.keys(settings).map((key) => [key, null]));
    return { [Symbol.asyncDispose]: async () => void (await set(back)) };
  };

/** A low watermark that no disk is below. The three are checked together, so all must be sizes. */
export const FULL_DISK = {
  'cluster.routing.allocation.disk.watermark.low': '100pb',
  'cluster.routing.allocation.disk.watermark.high': '500mb',
  'cluster.routing.allocation.disk.watermark.flood_stage': '250mb',
};

/** Several faults at once, mended from the last to the first. */
export const both =
  (...faults: readonly ((context: FaultContext) => Promise<AsyncDisposable>)[]) =>
  async (context: FaultContext): Promise<AsyncDisposable> => {
    await using made = new AsyncDisposableStack();
    for (const fault of faults) made.use(await fault(context));
    return made.move();
  };

/** A request breaker of one byte, and aggregations that go on tripping it. */
export async function trippingBreaker(context: FaultContext): Promise<AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  made.use(await put(context, '/assay-fault-searched', { settings: { number_of_replicas: 0 } }));
  await ask(context, 'POST', '/assay-fault-searched/_doc?refresh=true', { number: 1 });
  made.use(await clusterSettings({ 'indices.breaker.request.limit': '1b' })(context));
  const stop = new AbortController();
  const search = { size: 0, aggs: { numbers: { terms: { field: 'number' } } } };
  const trip = () => ask(context, 'POST', '/assay-fault-searched/_search', search).catch(() => undefined);
  const tripping = until(trip, stop.signal).catch(() => undefined);
  made.defer(async () => {
    stop.abort();
    await tripping;
  });
  return made.move();
}

/** A repository whose place in the shared folder is taken by a file. */
export async function brokenRepository(context: FaultContext): Promise<AsyncDisposable> {
  const { nodes } = (await ask(context, 'GET', '/_nodes/settings')) as {
    nodes: Record<string, { settings: { path: { repo: string[] } } }>;
  };
  const [folder = ''] = Object.values(nodes)[0]?.settings.path.repo ?? [];
  const file = join(folder, 'assay-fault');
  await using made = new AsyncDisposableStack();
  await writeFile(file, '');
  made.defer(() => rm(file, { force: true }));
  const repository = { type: 'fs', settings: { location: 'assay-fault' } };
  made.use(await put(context, '/_snapshot/assay-fault?verify=false', repository));
  return made.move();
}

/** The node is given up after two seconds on the local platform, and back some seconds after it goes on: 6 s and 3 s measured. */
const SETTLING_MS = 60_000;

/**
 * Stops the second node, which holds a copy of every index, and waits until the master has given it up. Its mending waits until the
 * cluster is whole again: the next proof begins on a whole cluster.
 */
export async function stopSecondNode(context: FaultContext): Promise<AsyncDisposable> {
  const settled = (nodes: number, status: string): Promise<true> =>
    until(
      async () => {
        const seen = await ask(context, 'GET', '/_cluster/health?local=true').catch(() => ({}));
        const { number_of_nodes: there, status: colour } = seen as { number_of_nodes?: number; status?: string };
        return there === nodes && colour === status ? true : undefined;
      },
      AbortSignal.timeout(SETTLING_MS),
      200,
    );
  await settled(2, 'green');
  const paused = await pauseProcess(context.pid('elasticsearch-2'));
  const mend = async (): Promise<void> => {
    await paused[Symbol.asyncDispose]();
    await settled(2, 'green');
  };
  try {
    await settled(1, 'yellow');
  } catch (error) {
    await mend();
    throw error;
  }
  return { [Symbol.asyncDispose]: mend };
}

/** A gateway that changes a text of requests. Nothing in their bodies may match: their length is not told anew. */
export const withRequests = (from: RegExp, to: string) => (): Rewriter => ({
  request: (bytes) => Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1'),
  answer: (bytes) => ({ bytes, close: false }),
});

/** Puts an object there, past the proxies, and deletes it when disposed. */
async function put(context: FaultContext, path: string, body: object): Promise<AsyncDisposable> {
  await ask(context, 'PUT', path, body);
  return {
    [Symbol.asyncDispose]: async () => void (await ask(context, 'DELETE', path.replace(/\?.*/, ''))),
  };
}

/** One request past the proxies. Throws where the answer is not 2xx. */
async function ask({ target }: FaultContext, method: string, path: string, content?: object): Promise<unknown> {
  const [address] = target.component.endpoints.http ?? [];
  const answer = await fetch(`http://${address}${path}`, {
    method,
    signal: AbortSignal.timeout(BUDGETS.attempt),
    ...(content === undefined
      ? {}
      : { body: JSON.stringify(content), headers: { 'content-type': 'application/json' } }),
  });
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}
