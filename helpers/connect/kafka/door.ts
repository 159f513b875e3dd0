import type { Admin } from 'kafkajs';
import { z } from 'zod';
import type { Diagnosis, Endpoint, Observation } from '../../../reports/model.ts';
import { BUDGETS } from '../../budgets.ts';
import { diagnoseKafka } from '../../diagnose/kafka.ts';
import { diagnoseWire, type Rule } from '../../diagnose/wire.ts';
import { within } from '../../poll.ts';
import type { Knock, Target } from '../../service.ts';
import { WireError, type WireKind } from '../../wire/kafka.ts';
import { bootstrap, connectClient, greet } from './dial.ts';

/**
 * What a raw exchange that failed says of the broker behind the address. The diagnosis names a subject only where it is a broker by its id:
 * an address or a title would be one more name for what another check may already blame.
 */
export function diagnoseGreeting(error: unknown, address: string, speaker?: string): Diagnosis {
  const { subject, ...rest } = greetingOf(error, address, speaker);
  return subject !== undefined && /^broker \d+$/.test(subject) ? { ...rest, subject } : rest;
}

/** What a raw exchange that broke off says; `kind: 'local'` and what Node says by itself are told below. */
const SAID: { readonly [kind in Exclude<WireKind, 'local'>]?: Rule } = {
  'timeout-answer': {
    class: 'slow',
    cause: 'accepts connections and answers nothing',
    remedy: 'look whether the process is paused, swapping or waiting for its disk; restart the pod if it is',
  },
  'tls-expected': {
    class: 'tls',
    cause: 'answers a plaintext request with a TLS alert',
    remedy: 'give `tls: {}` (with its `ca`) in the phase file, or name the plaintext port',
  },
  closed: {
    class: 'unreachable',
    cause: 'closes the connection without an answer',
    remedy: 'check whether one side speaks TLS and the other does not, then the log of the broker',
  },
  truncated: {
    class: 'data-wrong',
    cause: 'breaks off in the middle of an answer',
    remedy: 'look for a proxy or load balancer that cuts connections, then for a broker that crashes',
  },
  'not-tls': {
    class: 'tls',
    cause: 'does not speak TLS on this port',
    remedy: 'leave `tls` out of the phase file, or name the TLS port',
  },
  'login-refused': {
    class: 'authentication',
    cause: 'does not let our user in',
    remedy: 'check `credentials` of the phase file against the KafkaUser or its Secret, and its `mechanism`',
  },
  'not-kafka': { class: 'wrong-product', cause: 'is not Kafka', remedy: 'check the port of the endpoint' },
};

function greetingOf(error: unknown, address: string, subject = `broker at ${address}`): Diagnosis {
  const evidence = error instanceof Error ? error.message : String(error);
  const kind = error instanceof WireError ? error.kind : null;
  const said = kind === null || kind === 'local' ? undefined : SAID[kind];
  if (said) return { ...said, cause: `${subject} ${said.cause}`, subject, evidence };
  const wire = diagnoseWire(error, subject);
  if (wire) return { ...wire, subject };
  const [cls, cause, remedy] =
    kind === 'local'
      ? ([
          'our-side',
          `we could not ask ${subject}`,
          'read the evidence; look at the machine that runs the suite',
        ] as const)
      : (['unexplained', `${subject} can not be greeted`, 'read the evidence and the log of the broker'] as const);
  return { class: cls, cause, remedy, subject, evidence };
}

/** One exchange with every bootstrap server, and one look at the cluster that they name. */
export async function knock(target: Target, signal: AbortSignal): Promise<Knock> {
  const addresses = bootstrap(target);
  const endpoints: Endpoint[] = addresses.map((logical) => {
    const dialled = target.route.dial(logical);
    return { logical, dialled, path: target.route.path };
  });
  const giveUp = new AbortController();
  const looking = look(target, addresses, new Set(), AbortSignal.any([signal, giveUp.signal]));
  const greetings = await Promise.all(
    addresses.map((address) =>
      greet(target, address, signal).then(
        () => ({ address, diagnosis: null }),
        (error: unknown) => ({ address, diagnosis: greetingOf(error, address) }),
      ),
    ),
  );
  const mute = greetings.filter((each) => each.diagnosis !== null);
  const answering = greetings.filter((each) => each.diagnosis === null).map(({ address }) => address);
  // Beside a broker that is mute, kafkajs would go on trying it for the time that is left to look at the others.
  if (mute.length > 0) giveUp.abort();
  const first = await looking;
  // Those that answer can still tell of the cluster.
  const again = 'error' in first && mute.length > 0 && answering.length > 0;
  const cluster = again ? await look(target, answering, new Set(mute.map(({ address }) => address)), signal) : first;
  const answers = Object.fromEntries(
    greetings.map(({ address, diagnosis }) => [address, diagnosis?.evidence ?? 'ApiVersions answered']),
  );
  const base = { endpoints, version: null };
  if (mute.length === addresses.length) {
    const diagnosis = worst(
      mute.map(({ diagnosis }) => diagnosis as Diagnosis),
      target,
    );
    const ours = mute.every((each) => each.diagnosis?.class === 'our-side');
    return {
      ...base,
      state: ours ? 'unobserved' : 'closed',
      diagnosis,
      achieved: ours ? null : 0,
      observed: { answers },
    };
  }
  if ('error' in cluster) {
    const diagnosis = diagnoseKafka(cluster.error, target.component.title) ??
      diagnoseWire(cluster.error, target.component.title) ?? {
        class: 'unexplained' as const,
        cause: `${target.component.title} answers ApiVersions but not Metadata`,
        remedy: 'read the evidence and the log of the brokers',
        evidence: String(cluster.error),
      };
    const state = diagnosis.class === 'authorization' || diagnosis.class === 'our-side' ? 'unobserved' : 'closed';
    return { ...base, state, diagnosis, achieved: null, observed: { answers } };
  }
  const missing = missingBrokers(
    cluster,
    mute.map(({ address }) => address),
  );
  const [sick] = mute;
  const subject = sick && missing.get(sick.address);
  return {
    ...base,
    state: 'open',
    diagnosis: sick?.diagnosis
      ? {
          class: sick.diagnosis.class,
          cause: subject
            ? sick.diagnosis.cause.replace(sick.diagnosis.subject ?? '', `${subject} (${sick.address})`)
            : sick.diagnosis.cause,
          remedy: sick.diagnosis.remedy,
          evidence: mute.map(({ diagnosis }) => diagnosis?.evidence).join('; '),
          ...(subject === undefined ? {} : { subject }),
        }
      : null,
    achieved:
      cluster.brokers.length - mute.filter(({ address }) => cluster.brokers.some((b) => b.address === address)).length,
    observed: {
      answers,
      clusterId: cluster.clusterId,
      brokers: cluster.brokers.map(({ id, address }) => ({ id, address })),
      missing: Object.fromEntries(missing),
    },
  };
}

/**
 * The brokers with the addresses that they advertise, as Metadata gave them at the door: a check that asks for them again may ask the very
 * broker that hangs.
 */
export function advertised({ brokers }: Observation): readonly { readonly id: number; readonly address: string }[] {
  return z.array(z.object({ id: z.number(), address: z.string() })).parse(brokers);
}

/** Many doors shut for one reason are one cause; the first stands for all, without a subject narrower than the component. */
function worst(diagnoses: readonly Diagnosis[], { component }: Target): Diagnosis {
  const [first] = diagnoses as [Diagnosis];
  const { subject, ...rest } = first;
  const all = diagnoses.length > 1 ? `all ${diagnoses.length} bootstrap servers: ` : '';
  return {
    ...rest,
    cause: `${component.title}, ${all}${first.cause.replace(`${subject} `, '').replace(`${subject}: `, '')}`,
    evidence: diagnoses.map(({ evidence }) => evidence).join('; '),
  };
}

interface Cluster {
  readonly clusterId: string;
  readonly brokers: readonly { readonly id: number; readonly address: string }[];
  /** Ids that hold replicas and are not registered. */
  readonly absent: readonly number[];
}

async function look(
  target: Target,
  addresses: readonly string[],
  avoid: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Cluster | { error: unknown }> {
  let admin: Admin | null = null;
  try {
    admin = (await connectClient(target, addresses, 3, { avoid, silentMs: BUDGETS.connect })).admin();
    const connected = admin;
    const seen = (async (): Promise<Cluster> => {
      await connected.connect();
      const [{ clusterId, brokers }, { topics }] = await Promise.all([
        connected.describeCluster(),
        connected.fetchTopicMetadata(),
      ]);
      const registered = new Set(brokers.map(({ nodeId }) => nodeId));
      const replicas = new Set(topics.flatMap((topic) => topic.partitions.flatMap((partition) => partition.replicas)));
      return {
        clusterId,
        brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, address: `${host}:${port}` })),
        absent: [...replicas].filter((id) => !registered.has(id)),
      };
    })();
    return await within(seen, signal);
  } catch (error) {
    return { error };
  } finally {
    admin?.disconnect().catch(() => undefined);
  }
}

/**
 * Bootstrap addresses that do not answer, each with the broker behind it: by the metadata while the broker is still registered;
 * afterwards, where one address is mute and one broker that holds replicas is gone, they are the same.
 */
function missingBrokers(cluster: Cluster, mute: readonly string[]): Map<string, string> {
  const named = new Map<string, string>();
  for (const address of mute) {
    const broker = cluster.brokers.find((each) => each.address === address);
    if (broker) named.set(address, `broker ${broker.id}`);
  }
  const nameless = mute.filter((address) => !named.has(address));
  const [address] = nameless;
  const [id] = cluster.absent;
  if (address !== undefined && nameless.length === 1 && id !== undefined && cluster.absent.length === 1)
    named.set(address, `broker ${id}`);
  return named;
}
