import { suite } from '../../helpers/check/suite.ts';
import { service, settingsOf } from '../../helpers/connect/neo4j.ts';

const check = suite(service);

check(
  'neo4j.log.queries',
  {
    level: 'hygiene',
    claim: 'Queries are written to the query log',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'set dbms.logs.query.enabled (db.logs.query.enabled from 5 on) to INFO, with a threshold: without it nobody can say afterwards what held the server up',
    },
  },
  async ({ neo4j, expect, observe, signal }) => {
    const prefix = neo4j.major < 5 ? 'dbms.logs.query' : 'db.logs.query';
    const values = await neo4j.settings([`${prefix}.enabled`, `${prefix}.threshold`], signal);
    observe(values);
    expect(['INFO', 'VERBOSE'], `${prefix}.enabled`).toContain(values[`${prefix}.enabled`]);
    return {};
  },
);

check(
  'neo4j.config.declared',
  {
    level: 'hygiene',
    claim: 'Every setting has the value that was promised',
    otherwise: {
      class: 'misconfigured',
      remedy: 'compare neo4j.conf, and the NEO4J_… variables of the pod, with `serverSettings` of the phase file',
    },
  },
  async ({ neo4j, component, expect, observe, skip, signal }) => {
    const promised = settingsOf({ component }).serverSettings;
    if (promised === undefined) return skip('serverSettings', null);
    const wanted = Object.fromEntries(Object.entries(promised).map(([name, value]) => [name, String(value)]));
    const values = await neo4j.settings(Object.keys(wanted), signal);
    observe(values);
    expect(values, 'settings of the server').toEqual(wanted);
    return {};
  },
);

check(
  'neo4j.tx.forgotten',
  {
    level: 'hygiene',
    claim: 'No transaction has been open for longer than transactions are meant to be',
    otherwise: {
      class: 'slow',
      remedy:
        'find who opened it, then TERMINATE TRANSACTION: it holds its locks, and keeps the transaction log from being cut',
    },
  },
  async ({ neo4j, component, fail, signal }) => {
    const { longestTransaction: longest } = settingsOf({ component });
    const open = await neo4j.read(
      'SHOW TRANSACTIONS YIELD transactionId, database, username, elapsedTime RETURN transactionId, database, username, elapsedTime',
      {},
      signal,
    );
    const [oldest] = open
      .map((row) => ({ row, seconds: secondsOf(row.elapsedTime as Elapsed) }))
      .sort((a, b) => b.seconds - a.seconds);
    if (oldest !== undefined && oldest.seconds > longest)
      fail({
        cause: `a transaction of ${oldest.row.username} has been open for ${oldest.seconds} s`,
        evidence: `${oldest.row.transactionId} in ${oldest.row.database}, ${oldest.seconds} s, where ${longest} s are the most`,
        subject: `transaction ${oldest.row.transactionId}`,
      });
    return { open: open.length, oldestSeconds: oldest?.seconds ?? 0 };
  },
);

/** A duration of the driver: the server tells days as such, months never. */
interface Elapsed {
  readonly days: bigint;
  readonly seconds: bigint;
}

const secondsOf = ({ days, seconds }: Elapsed): number => Number(days) * 86_400 + Number(seconds);

check(
  'neo4j.store.kept',
  {
    level: 'durability',
    claim: 'The store is the one that was there on the promised day, and no new one in its place',
    otherwise: {
      class: 'data-wrong',
      remedy: 'put the data back from the last dump or backup; check that /data is on a volume that outlives the pod',
    },
  },
  async ({ neo4j, component, fail, observe, skip, signal }) => {
    const since = settingsOf({ component }).storeSince;
    if (since === undefined) return skip('storeSince', null);
    const [store] = await neo4j.read('CALL db.info() YIELD id, creationDate', {}, signal);
    const created = String(store?.creationDate);
    observe({ store: String(store?.id), created, promised: since });
    if (Date.parse(created) > Date.parse(since))
      fail({
        cause: `the store was made at ${created}, later than ${since}: what was in the one before is not in it`,
        evidence: `store ${store?.id} of ${created}`,
        subject: 'store',
      });
    return {};
  },
);
