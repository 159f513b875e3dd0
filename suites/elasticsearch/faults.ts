import { BUDGETS } from '../../helpers/budgets.ts';
import type { FaultContext } from '../../helpers/check/proof.ts';

/** An index whose only shard no node may have: the cluster is red until it is removed. */
export const unallocatableIndex = (context: FaultContext): Promise<AsyncDisposable> =>
  put(context, '/assay-fault-unallocatable?wait_for_active_shards=0&timeout=1s', {
    settings: { number_of_replicas: 0, 'index.routing.allocation.require._name': 'nobody' },
  });

/** A template that gives every scratch index the block of the flood stage: it can be created and deleted, and takes no document. */
export const floodStage = (context: FaultContext): Promise<AsyncDisposable> =>
  put(context, '/_index_template/assay-fault-flood-stage', {
    index_patterns: ['assay-2*'],
    template: { settings: { 'index.blocks.read_only_allow_delete': true } },
  });

/** Puts an object there, past the proxies, and deletes it when disposed. */
async function put({ env }: FaultContext, path: string, body: object): Promise<AsyncDisposable> {
  const ask = async (method: string, to: string, content?: string): Promise<void> => {
    const answer = await fetch(`http://${env.ELASTICSEARCH_HTTP}${to}`, {
      method,
      signal: AbortSignal.timeout(BUDGETS.attempt),
      ...(content === undefined ? {} : { body: content, headers: { 'content-type': 'application/json' } }),
    });
    if (!answer.ok) throw new Error(`${method} ${to} was answered ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  };
  await ask('PUT', path, JSON.stringify(body));
  return { [Symbol.asyncDispose]: () => ask('DELETE', path.replace(/\?.*/, '')) };
}
