import type { Diagnosis } from '../../reports/model.ts';
import { RestError, type RestErrorKind } from '../wire/rest.ts';
import { causes, diagnoseWire } from './wire.ts';

type Rule = Pick<Diagnosis, 'class' | 'cause' | 'remedy'>;

/** All that is said in no status, and that diagnoseWire does not say already. */
type Mute = Exclude<RestErrorKind, 'status' | 'redirect' | 'no-connection'>;

const KINDS: { readonly [kind in Mute]: Rule } = {
  'no-answer': {
    class: 'slow',
    cause: 'accepts connections and does not answer in time',
    remedy:
      'look whether the process is paused, swapping or waiting for its database or disk; restart the pod if it is',
  },
  stalled: {
    class: 'our-side',
    cause: 'could not be heard: our own process stood still',
    remedy: 'run on a machine with processor time to spare',
  },
  closed: {
    class: 'unreachable',
    cause: 'closes the connection without an answer',
    remedy: 'check whether one side speaks TLS and the other does not, then the log of the service for a restart',
  },
  truncated: {
    class: 'data-wrong',
    cause: 'breaks off in the middle of an answer',
    remedy: 'look for a proxy that cuts connections or bodies, then for a process that crashes',
  },
  'too-long': {
    class: 'data-wrong',
    cause: 'answers without end',
    remedy: 'read the answer by hand; look for a proxy that answers in its place',
  },
  'not-http': {
    class: 'wrong-product',
    cause: 'does not speak HTTP on this port',
    remedy: 'check the port of the endpoint',
  },
  'tls-expected': {
    class: 'tls',
    cause: 'answers a plaintext request with a TLS alert',
    remedy: 'give `tls: {}` (with its `ca`) in the phase file, or an https:// URL',
  },
  'not-json': {
    class: 'wrong-product',
    cause: 'answers something else than JSON',
    remedy:
      'check host, port and path of the endpoint: another product, a login page or an error page of a proxy answers there',
  },
  unexpected: {
    class: 'wrong-product',
    cause: 'answers JSON of another shape than this API',
    remedy: 'check which product, in which version, is behind the endpoint',
  },
};

function byStatus(status: number): Rule {
  switch (status) {
    case 401:
      return {
        class: 'authentication',
        cause: 'does not let us in with the declared credentials',
        remedy: 'check `credentials` of the phase file against what the service knows',
      };
    case 403:
      return {
        class: 'authorization',
        cause: 'forbids our user what this check does',
        remedy: "grant the suite's user the right that the evidence names",
      };
    case 404:
    case 405:
      return {
        class: 'wrong-product',
        cause: 'does not know a path of this API',
        remedy: 'check host, port and path of the endpoint, then the version of the service',
      };
    case 413:
      return {
        class: 'misconfigured',
        cause: 'refuses a body of this size',
        remedy: 'raise the limit of the proxy in front (nginx: proxy-body-size)',
      };
    case 502:
    case 503:
    case 504:
      return {
        class: 'unreachable',
        cause: 'says that it can not serve now',
        remedy:
          'where a gateway answers: check that the Service behind it has ready endpoints; else read the log of the service',
      };
  }
  return {
    class: 'unexplained',
    cause: `answers with status ${status}`,
    remedy: 'read the evidence and the log of the service',
  };
}

/** What a failed HTTP exchange says of the service, whatever the service; null where it says nothing that we know. */
export function diagnoseRest(error: unknown, subject: string): Diagnosis | null {
  const failed = [...causes(error)].find((each) => each instanceof RestError);
  if (!failed || failed.kind === 'no-connection') return diagnoseWire(error, subject);
  const { kind, status, message } = failed;
  const rule = kind === 'status' ? byStatus(status ?? 0) : kind === 'redirect' ? elsewhere(message) : KINDS[kind];
  return { ...rule, cause: `${subject} ${rule.cause}`, evidence: message };
}

const elsewhere = (message: string): Rule => ({
  class: 'misconfigured',
  cause: `sends us elsewhere (${message.split(': ').at(-1)})`,
  remedy: 'name the address that it redirects to; a login page means that a proxy guards it: give an address inside',
});
