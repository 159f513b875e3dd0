import type { CauseClass, Diagnosis } from '../../reports/model.ts';
import { causes } from './wire.ts';

type Rule = { readonly class: CauseClass; readonly cause: string; readonly remedy: string };

/**
 * Error codes of the Kafka protocol by the name that kafkajs gives them.
 * Source: Apache Kafka protocol guide, "Error codes" (kafka.apache.org/protocol#protocol_error_codes).
 */
const PROTOCOL: { readonly [type: string]: Rule } = {
  INVALID_REPLICATION_FACTOR: {
    class: 'not-redundant',
    cause: 'fewer brokers are registered than the topic asks replicas for',
    remedy: 'bring the missing brokers back; look at their pods, volumes and logs',
  },
  NOT_ENOUGH_REPLICAS: {
    class: 'not-redundant',
    cause: 'fewer replicas are in sync than min.insync.replicas asks for',
    remedy: 'bring the followers that left the ISR back; until then writes with acks=all are refused',
  },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: {
    class: 'not-redundant',
    cause: 'the record was written but too few replicas confirmed it',
    remedy: 'bring the followers that left the ISR back',
  },
  LEADER_NOT_AVAILABLE: {
    class: 'quorum-lost',
    cause: 'a partition has no leader',
    remedy: 'look for offline brokers; if all are up, for a controller quorum without a leader',
  },
  NOT_CONTROLLER: {
    class: 'quorum-lost',
    cause: 'the controller quorum has no leader that this broker knows',
    remedy: 'bring a majority of the controllers back',
  },
  GROUP_COORDINATOR_NOT_AVAILABLE: {
    class: 'quorum-lost',
    cause: 'no broker coordinates the consumer group or transaction',
    remedy: 'check __consumer_offsets and __transaction_state: replication factor against live brokers',
  },
  NOT_COORDINATOR_FOR_GROUP: {
    class: 'quorum-lost',
    cause: 'the coordinator of the consumer group keeps moving',
    remedy: 'look for brokers that restart',
  },
  GROUP_LOAD_IN_PROGRESS: {
    class: 'slow',
    cause: 'the coordinator is still reading the offsets of its groups',
    remedy: 'a broker has just taken over: run again; if it stays so, look at the log of the coordinator',
  },
  POLICY_VIOLATION: {
    class: 'misconfigured',
    cause: 'a policy of the cluster refuses this request',
    remedy: 'ask the owner of create.topic.policy.class.name what it wants',
  },
  TOPIC_AUTHORIZATION_FAILED: missingAcl('topics'),
  GROUP_AUTHORIZATION_FAILED: missingAcl('consumer groups'),
  CLUSTER_AUTHORIZATION_FAILED: missingAcl('the cluster'),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: missingAcl('transactional ids'),
  SASL_AUTHENTICATION_FAILED: {
    class: 'authentication',
    cause: 'the brokers refuse the declared credentials',
    remedy: 'check `credentials` of the phase file against the KafkaUser or its Secret',
  },
  UNSUPPORTED_SASL_MECHANISM: {
    class: 'authentication',
    cause: 'the listener does not offer the declared SASL mechanism',
    remedy: 'set `credentials.mechanism` to one that the listener offers',
  },
  CORRUPT_MESSAGE: {
    class: 'data-wrong',
    cause: 'a record batch does not match its checksum',
    remedy: 'look for a faulty disk or network on the broker that led the partition',
  },
  KAFKA_STORAGE_ERROR: {
    class: 'volume',
    cause: 'a broker can not write to its log directory',
    remedy: 'check that the volume of the broker is not full or read-only',
  },
  UNSUPPORTED_COMPRESSION_TYPE: {
    class: 'misconfigured',
    cause: 'the brokers do not take batches of this compression',
    remedy:
      'look at compression.type of the topic, and whether the brokers can load their codec libraries (a writable /tmp that allows execution)',
  },
  INVALID_PRODUCER_EPOCH: {
    class: 'unexplained',
    cause: 'another producer of the same name has taken over',
    remedy: 'look for a second run with the same transactional id; run again',
  },
  OUT_OF_ORDER_SEQUENCE_NUMBER: {
    class: 'data-wrong',
    cause: 'the broker does not know the batch that it acknowledged before this one',
    remedy: 'look for a partition whose leader lost records: an unclean election, or a restored volume',
  },
  UNSUPPORTED_VERSION: {
    class: 'wrong-product',
    cause: 'the broker does not serve the protocol version that this client speaks',
    remedy: 'compare the version of the brokers with what kafkajs speaks (KIP-896)',
  },
};

function missingAcl(what: string): Rule {
  return {
    class: 'authorization',
    cause: `our principal may not use ${what} as this check does`,
    remedy: `grant the suite's user the ACL on ${what} that the README lists`,
  };
}

/** The name of the protocol's error code in what kafkajs threw, such as NOT_ENOUGH_REPLICAS; null: no broker said no. */
export function protocolError(error: unknown): string | null {
  const coded = [...causes(error)].findLast((e) => 'type' in e && typeof e.type === 'string' && e.type in PROTOCOL);
  return coded ? String((coded as Error & { readonly type: string }).type) : null;
}

/** What kafkajs threw, in the words of the Kafka protocol; null when it is not Kafka's to explain. */
export function diagnoseKafka(error: unknown, title: string): Diagnosis | null {
  const chain = [...causes(error)].flatMap((e) => ('errors' in e && Array.isArray(e.errors) ? [e, ...e.errors] : [e]));
  for (const e of chain.reverse()) {
    if (!(e instanceof Error)) continue;
    const rule = 'type' in e && typeof e.type === 'string' ? PROTOCOL[e.type] : undefined;
    const evidence = `${e.name}: ${e.message}`;
    if (e.name === 'UndecompressableError')
      return {
        class: 'data-wrong',
        cause: `${title}: a compressed batch does not decompress`,
        remedy: 'look for a proxy that changes bytes, then for a faulty disk on the broker that led the partition',
        evidence,
      };
    if (rule && 'type' in e)
      return { ...rule, cause: `${title}: ${rule.cause}`, evidence: `${String(e.type)}: ${e.message}` };
    if (e.name === 'KafkaJSSASLAuthenticationError')
      return { ...(PROTOCOL.SASL_AUTHENTICATION_FAILED as Rule), evidence };
    if (e.name === 'KafkaJSRequestTimeoutError')
      return {
        class: 'slow',
        cause: `${title}: a broker accepted a request and never answered it`,
        remedy: 'find the broker in the evidence; look whether it is paused, out of memory or starved of disk',
        evidence,
      };
    if (e.name === 'KafkaJSNoBrokerAvailableError')
      return {
        class: 'unreachable',
        cause: `${title}: no broker answers this request to its end`,
        remedy: 'look for brokers that restart, and for a proxy or load balancer that cuts connections',
        evidence,
      };
    if (e.name === 'KafkaJSConnectionError' && !('code' in e && e.code))
      return {
        class: 'unreachable',
        cause: `${title}: a broker can not be reached`,
        remedy: 'find the broker in the evidence; look at its pod and its advertised listener',
        evidence,
      };
    if (/checksum|crc|corrupt|out of range|Invalid string|Unsupported/i.test(e.message) && e.name.startsWith('KafkaJS'))
      return {
        class: 'data-wrong',
        cause: `${title}: an answer can not be decoded`,
        remedy: 'look for a proxy or a faulty network between here and the broker',
        evidence,
      };
  }
  return null;
}
