import { describe, expect, test } from 'vitest';
import { evidenceOf, passed } from '../../reports/evidence.fixture.ts';
import type { CauseClass, Component, Status } from '../../reports/model.ts';
import { direct } from '../route.ts';
import { Cancelled, DeadlineExceeded, Finding, NotApplicable } from './finding.ts';
import { diagnoseKafka } from './kafka.ts';
import { outcomeOf } from './outcome.ts';

const component = evidenceOf([{ id: 'kafka', weight: 1, checks: [['kafka.x', 'reach', passed()]] }]).phase
  .components[0] as Component;
const target = { component, secrets: { password: null }, route: direct('direct') };
const service = { diagnose: (error: unknown) => diagnoseKafka(error, 'Kafka') };
const otherwise = { class: 'data-wrong', remedy: 'compare the bytes' } as const;

const outcome = (error: unknown) => outcomeOf(error, service, target, otherwise, null);
const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code });
const kafkaError = (name: string, type?: string, inner?: Error): Error =>
  Object.assign(new Error(type ?? name), {
    name,
    ...(type ? { type } : {}),
    ...(inner ? { originalError: inner } : {}),
  });
const assertion = Object.assign(new Error('records read back of 100 produced: expected 99 to be 100'), {
  name: 'AssertionError',
});
const finding = (cls: CauseClass): Finding => new Finding({ class: cls, cause: 'c', remedy: 'r', evidence: 'e' });

describe('what a thrown thing means', () => {
  test.each<[string, unknown, Status, CauseClass]>([
    ['an assertion', assertion, 'failed', 'data-wrong'],
    ['a finding', finding('quorum-lost'), 'failed', 'quorum-lost'],
    ['our missing right', finding('authorization'), 'unobserved', 'authorization'],
    ['a refused connection', coded('ECONNREFUSED'), 'failed', 'refused'],
    [
      'a refused connection inside a client’s error',
      new Error('wrapped', { cause: coded('ECONNREFUSED') }),
      'failed',
      'refused',
    ],
    ['no network here', coded('ENETUNREACH'), 'unobserved', 'our-side'],
    ['no resolver here', coded('EAI_AGAIN'), 'unobserved', 'our-side'],
    ['a name that does not exist', coded('ENOTFOUND'), 'failed', 'name-resolution'],
    ['an unknown authority', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'failed', 'tls'],
    ['a service that never finished', new DeadlineExceeded('kafka.x', 20_000, 3), 'failed', 'slow'],
    ['our own event loop standing still', new DeadlineExceeded('kafka.x', 20_000, 5_000), 'unobserved', 'our-side'],
    ['a cancelled run', new Cancelled(), 'unobserved', 'our-side'],
    ['a mistake in our code', new TypeError('x is not a function'), 'unobserved', 'our-side'],
    [
      'a fetch that failed on the wire',
      new TypeError('fetch failed', { cause: coded('ECONNRESET') }),
      'failed',
      'unreachable',
    ],
    ['an error that nobody knows', new Error('E_WHATEVER'), 'failed', 'unexplained'],
    ['a refused password', kafkaError('KafkaJSSASLAuthenticationError'), 'failed', 'authentication'],
    ['too few brokers', kafkaError('KafkaJSProtocolError', 'INVALID_REPLICATION_FACTOR'), 'failed', 'not-redundant'],
    [
      'a missing ACL of ours',
      kafkaError('KafkaJSProtocolError', 'TOPIC_AUTHORIZATION_FAILED'),
      'unobserved',
      'authorization',
    ],
    [
      'kafkajs giving up on it',
      kafkaError(
        'KafkaJSNumberOfRetriesExceeded',
        undefined,
        kafkaError('KafkaJSProtocolError', 'NOT_ENOUGH_REPLICAS'),
      ),
      'failed',
      'not-redundant',
    ],
  ])('%s', (_, error, status, cls) => {
    const result = outcome(error);
    expect(result.status).toBe(status);
    if (result.status === 'failed' || result.status === 'unobserved') {
      expect(result.diagnosis.class).toBe(cls);
      expect(result.diagnosis.cause).not.toBe('');
      expect(result.diagnosis.remedy).not.toBe('');
    }
  });

  test('a predicate that does not hold skips, with its value', () => {
    expect(outcome(new NotApplicable('edition', 'community'))).toEqual({
      status: 'skipped',
      predicate: { name: 'edition', value: 'community' },
    });
  });

  test('the assertion’s first line is the cause, and the check’s own remedy stands beside it', () => {
    expect(outcome(assertion)).toMatchObject({
      diagnosis: { cause: 'records read back of 100 produced: expected 99 to be 100', remedy: 'compare the bytes' },
    });
  });
});
