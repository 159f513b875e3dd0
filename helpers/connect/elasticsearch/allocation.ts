import type { Client, estypes } from 'elasticsearch-8';
import { until } from '../../poll.ts';

/** One copy of a shard, as GET _cat/shards has it. */
export interface Copy {
  readonly index: string;
  readonly shard: number;
  readonly primary: boolean;
  /** UNASSIGNED, INITIALIZING, STARTED or RELOCATING. */
  readonly state: string;
  readonly node: string | null;
}

export interface Allocation {
  readonly copies: readonly Copy[];
  /** Those that are not where they were waited for. */
  readonly missing: readonly Copy[];
  /** Of the worst of them; null: none is missing. */
  readonly explanation: estypes.ClusterAllocationExplainResponse | null;
}

/**
 * Looks at the copies of shards until none is missing, or the allocator says of one that waiting does not help, or the time is over: a new
 * copy waits for its primary, and for its turn.
 * @param of by the index's name @param isMissing by the copy's state
 */
export async function settledAllocation(
  api: Client,
  of: (index: string) => boolean,
  isMissing: (copy: Copy) => boolean,
  withinMs: number,
  signal: AbortSignal,
): Promise<Allocation> {
  const look = async (): Promise<Allocation> => {
    const h = ['index', 'shard', 'prirep', 'state', 'node'];
    const rows = await api.cat.shards({ format: 'json', h }, { signal });
    const copies = rows
      .map(({ index = '', shard, prirep, state = '', node }) => ({
        index,
        shard: Number(shard),
        primary: prirep === 'p',
        state,
        node: node ?? null,
      }))
      .filter(({ index }) => of(index));
    const missing = copies.filter(isMissing);
    // The primary first: its replicas wait for it.
    const worst = missing.find(({ primary }) => primary) ?? missing[0];
    if (!worst) return { copies, missing, explanation: null };
    const { index, shard, primary } = worst;
    const explanation = await api.cluster.allocationExplain({ index, shard, primary }, { signal });
    return { copies, missing, explanation };
  };
  const budget = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  let last: Allocation | null = null;
  try {
    return await until(
      async () => {
        last = await look();
        return last.explanation === null || isStuck(last.explanation) ? last : undefined;
      },
      budget,
      200,
    );
  } catch (error) {
    if (signal.aborted || !budget.aborted || last === null) throw error;
    return last;
  }
}

const STUCK: ReadonlySet<string | undefined> = new Set(['no', 'no_valid_shard_copy', 'allocation_delayed']);

/** Source: the reference, "Cluster allocation explain API": a copy that waits for its primary is told `no` as well, by this decider. */
function isStuck({
  can_allocate: can,
  node_allocation_decisions: nodes = [],
}: estypes.ClusterAllocationExplainResponse): boolean {
  const waits = nodes.some(({ deciders = [] }) =>
    deciders.some(({ decider }) => decider === 'replica_after_primary_active'),
  );
  return STUCK.has(can) && !waits;
}
