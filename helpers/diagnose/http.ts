import type { Diagnosis } from '../../reports/model.ts';
import { HttpError, type HttpFailure } from '../wire/http.ts';
import { causes, diagnoseWire, HUNG_UP, type Rule, SILENT, STALLED } from './wire.ts';

const RULES: { readonly [kind in Exclude<HttpFailure, 'status'>]: Rule } = {
  silent: SILENT,
  closed: HUNG_UP,
  stalled: STALLED,
  truncated: {
    class: 'data-wrong',
    cause: 'breaks off in the middle of an answer',
    remedy: 'look for a proxy that cuts connections or bodies, then the log of the service for a crash',
  },
  'too-long': {
    class: 'data-wrong',
    cause: 'answers without end',
    remedy: 'read the answer by hand; look for a proxy that answers in its place',
  },
  'not-http': {
    class: 'wrong-product',
    cause: 'does not speak HTTP at this port',
    remedy: 'check the port of the endpoint',
  },
  'tls-expected': {
    class: 'tls',
    cause: 'answers plain HTTP with a TLS record',
    remedy: 'give `tls: {}` (with its `ca`) in the phase file, or name the plain port',
  },
  redirect: {
    class: 'misconfigured',
    cause: 'sends us elsewhere',
    remedy: 'name the address that it redirects to; a login page means that a proxy guards it: give an address inside',
  },
  'not-json': {
    class: 'wrong-product',
    cause: 'answers with something else than its JSON',
    remedy:
      'check host, port and path of the endpoint: another product, a login page or an error page of a proxy answers there',
  },
  unexpected: {
    class: 'wrong-product',
    cause: 'answers JSON of another shape than this API',
    remedy: 'check which product, in which version, is behind the endpoint',
  },
};

const UNKNOWN_PATH: Rule = {
  class: 'wrong-product',
  cause: 'does not know a path of this API',
  remedy: 'check host, port and path of the endpoint, then the version of the service',
};
const NOT_NOW: Rule = {
  class: 'unreachable',
  cause: 'says that it can not serve now',
  remedy:
    'where a gateway answers: check that the Service behind it has ready endpoints; else read the log of the service',
};

const STATUS: { readonly [status: number]: Rule } = {
  401: {
    class: 'authentication',
    cause: 'does not let us in with the declared credentials',
    remedy: 'check `credentials` of the phase file against what the service knows',
  },
  403: {
    class: 'authorization',
    cause: 'forbids our user what this check does',
    remedy: "grant the suite's user the right that the evidence names",
  },
  404: UNKNOWN_PATH,
  405: UNKNOWN_PATH,
  413: {
    class: 'misconfigured',
    cause: 'refuses a body of this size',
    remedy: 'raise the limit of the proxy in front (nginx: proxy-body-size)',
  },
  502: NOT_NOW,
  503: NOT_NOW,
  504: NOT_NOW,
};

/** What a failed exchange says of who was asked, whatever the service; null where it says nothing that we know. */
export function diagnoseHttp(error: unknown, title: string): Diagnosis | null {
  const failed = [...causes(error)].find((each) => each instanceof HttpError);
  if (!failed) return diagnoseWire(error, title);
  const { kind, status, message } = failed;
  const rule = kind === 'status' ? (STATUS[status ?? 0] ?? unexplained(status)) : RULES[kind];
  return { ...rule, cause: `${title}: ${rule.cause}`, evidence: message };
}

const unexplained = (status: number | null): Rule => ({
  class: 'unexplained',
  cause: `answers with status ${status}`,
  remedy: 'read the evidence and the log of the service',
});
