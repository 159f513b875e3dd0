import type { API_KEYS } from '../../wire/kafka.ts';

export type SpokenApi = Exclude<keyof typeof API_KEYS, 'DescribeQuorum' | 'DescribeLogDirs'>;

/**
 * The oldest and the newest version of each API that our client speaks; it speaks all between them. It sends the newest that the broker serves
 * too, and never looks at the oldest that the broker serves.
 * Source: kafkajs 2.2.4, src/protocol/requests; spoken.test.ts holds this table against the installed library.
 */
export const SPOKEN: Readonly<Record<SpokenApi, readonly [oldest: number, newest: number]>> = {
  Produce: [0, 7],
  Fetch: [0, 11],
  ListOffsets: [0, 3],
  Metadata: [0, 6],
  OffsetCommit: [0, 5],
  OffsetFetch: [1, 4],
  FindCoordinator: [0, 2],
  JoinGroup: [0, 5],
  Heartbeat: [0, 3],
  LeaveGroup: [0, 3],
  SyncGroup: [0, 3],
  DescribeGroups: [0, 2],
  ListGroups: [0, 2],
  SaslHandshake: [0, 1],
  ApiVersions: [0, 2],
  CreateTopics: [0, 3],
  DeleteTopics: [0, 1],
  InitProducerId: [0, 1],
  AddPartitionsToTxn: [0, 1],
  AddOffsetsToTxn: [0, 1],
  EndTxn: [0, 1],
  TxnOffsetCommit: [0, 1],
  DescribeConfigs: [0, 2],
  SaslAuthenticate: [0, 1],
  DeleteGroups: [0, 1],
};

/** The version that our client would send to a broker that serves these, and whether the broker would answer it. */
export function negotiated(
  api: SpokenApi,
  served: { readonly min: number; readonly max: number } | undefined,
): { readonly version: number; readonly served: boolean } {
  const [oldest, newest] = SPOKEN[api];
  const version = Math.min(newest, served?.max ?? -1);
  return { version, served: served !== undefined && version >= oldest && version >= served.min };
}
