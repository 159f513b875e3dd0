import type { Diagnosis, Observation } from '../../../reports/model.ts';
import { diagnoseDoris } from '../../diagnose/doris.ts';
import { Finding } from '../../diagnose/finding.ts';
import { describe } from '../../diagnose/outcome.ts';
import type { Knock, Target } from '../../service.ts';
import { connectMysql } from '../../wire/mysql.ts';
import { addresses, ask, backendOf, buildOf, column, loginOf, notReady, type Row, statement } from './answers.ts';

interface Seen {
  readonly address: string;
  readonly build: string | null;
  /** Null: our user may not see them. */
  readonly frontends: { readonly alive: number; readonly all: number } | null;
  readonly backends: { readonly alive: number; readonly all: number } | null;
}

/** Every front end by MySQL and by HTTP, and the nodes as the first that lets us in counts them. */
export async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const { component, route } = target;
  const name = (address: string): string => `FE at ${address}`;
  const attempt = async <T>(address: string, work: () => Promise<T>) =>
    work().then(
      (seen) => ({ address, seen, diagnosis: null }),
      (error: unknown) => ({ address, seen: null, diagnosis: diagnoseDoor(error, name(address)) }),
    );
  const [queries, rests] = await Promise.all([
    Promise.all(addresses(target, 'query').map((each) => attempt(each, () => look(target, each, signal)))),
    Promise.all(addresses(target, 'http').map((each) => attempt(each, () => bootstrapped(target, each, signal)))),
  ]);
  const shut = [...queries, ...rests].flatMap(({ diagnosis }) => diagnosis ?? []);
  const first = queries.find(({ seen }) => seen !== null)?.seen ?? null;
  const roles = first?.frontends && first.backends ? { fe: first.frontends.alive, be: first.backends.alive } : null;
  const ours = shut.length > 0 && shut.every((each) => each.class === 'our-side' || each.class === 'authorization');
  const [worst] = shut;
  return {
    state: first ? 'open' : ours ? 'unobserved' : 'closed',
    diagnosis: worst
      ? { ...worst, ...hint(queries, rests), evidence: shut.map(({ evidence }) => evidence).join('; ') }
      : null,
    endpoints: Object.values(component.endpoints)
      .flat()
      .map((logical) => ({ logical, dialled: route.dial(logical), path: route.path })),
    version: first?.build ?? null,
    achieved: roles ? achieved(roles, component.roles) : first || ours ? null : 0,
    ...(roles ? { roles } : {}),
    observed: {
      ...(first ? { build: first.build, frontends: first.frontends, backends: first.backends } : {}),
      answers: Object.fromEntries(
        [...queries, ...rests].map(({ address, diagnosis }) => [address, diagnosis?.evidence ?? 'answered']),
      ),
    },
  };
}

interface Attempt {
  readonly address: string;
  readonly diagnosis: Diagnosis | null;
}

/** An FE that answers HTTP and refuses MySQL is not gone: it has no master to follow, or is still replaying. */
function hint(queries: readonly Attempt[], rests: readonly Attempt[]): Partial<Diagnosis> {
  const refused = queries.filter(({ diagnosis }) => diagnosis?.class === 'refused');
  if (refused.length === 0 || rests.some(({ diagnosis }) => diagnosis !== null)) return {};
  return {
    remedy:
      'the FE answers HTTP, so it runs: it is still replaying its journal or finds no master; look into fe.log, then for the other FEs',
  };
}

/** More of one role does not make up for too few of another. */
const achieved = (
  seen: Readonly<Record<string, number>>,
  promised: Readonly<Record<string, number>> | undefined,
): number => Object.entries(seen).reduce((sum, [role, count]) => sum + Math.min(count, promised?.[role] ?? count), 0);

function diagnoseDoor(error: unknown, who: string): Diagnosis {
  const known = (error instanceof Finding ? error.diagnosis : null) ?? diagnoseDoris(error, who);
  return {
    ...(known ?? {
      class: 'unexplained',
      cause: `${who} does not let us in`,
      remedy: 'read the evidence and fe.log',
      evidence: describe(error),
    }),
    subject: who,
  };
}

/** Logs in, makes sure that it is Doris, and counts its nodes by the front end's own metadata: a SELECT would need a back end. */
async function look(target: Target, address: string, signal: AbortSignal): Promise<Seen> {
  const { connection, serverVersion } = await connectMysql(target, address, loginOf(target), signal);
  try {
    const ask = (sql: string): Promise<Row[]> => statement(connection, sql, signal);
    const build = await buildOf(ask, `FE at ${address}`, serverVersion);
    const [frontends, backends] = await Promise.all([
      mayBeDenied(ask('SHOW FRONTENDS')),
      mayBeDenied(ask('SHOW BACKENDS')),
    ]);
    return {
      address,
      build,
      frontends: frontends && {
        alive: frontends.filter((row) => column(row, 'SHOW FRONTENDS', 'Alive') === 'true').length,
        all: frontends.length,
      },
      backends: backends && {
        alive: backends.map(backendOf).filter(({ alive }) => alive).length,
        all: backends.length,
      },
    };
  } finally {
    connection.destroy();
  }
}

/** Only an administrator sees the nodes. */
async function mayBeDenied(rows: Promise<Row[]>): Promise<Row[] | null> {
  try {
    return await rows;
  } catch (error) {
    if (diagnoseDoris(error, '')?.class === 'authorization') return null;
    throw error;
  }
}

/** @throws Finding where it is not started or not a front end */
async function bootstrapped(target: Target, address: string, signal: AbortSignal): Promise<Observation> {
  const body = await ask(target, address, '/api/bootstrap', signal);
  if (body.code === 0) return { code: 0 };
  throw new Finding(notReady(`FE at ${address}`, body));
}
