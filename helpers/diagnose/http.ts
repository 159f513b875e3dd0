import type { Diagnosis } from '../../reports/model.ts';
import { HttpError, type HttpFailure } from '../wire/http.ts';
import { causes, HUNG_UP, type Rule, SILENT, STALLED } from './wire.ts';

const RULES: { readonly [kind in HttpFailure]: Rule } = {
  silent: SILENT,
  closed: HUNG_UP,
  stalled: STALLED,
  truncated: {
    class: 'data-wrong',
    cause: 'breaks off in the middle of an answer',
    remedy: 'look for a proxy that cuts connections, then the log of the service for a crash',
  },
  'not-http': {
    class: 'wrong-product',
    cause: 'does not speak HTTP at this port',
    remedy: 'check the port of the endpoint',
  },
  'not-json': {
    class: 'wrong-product',
    cause: 'answers with something else than its JSON',
    remedy: 'check what stands before the service: a login page or the error page of an ingress answers 200 as well',
  },
  'tls-expected': {
    class: 'tls',
    cause: 'answers plain HTTP with a TLS record',
    remedy: 'give `tls` (with its `ca`) in the phase file, or name the plain port',
  },
  'too-long': {
    class: 'wrong-product',
    cause: 'answers a small question with megabytes',
    remedy: 'check that the endpoint is the service itself',
  },
};

/** What an exchange that failed says of who was asked; null when it is not a matter of HTTP. */
export function diagnoseHttp(error: unknown, title: string): Diagnosis | null {
  const found = [...causes(error)].find((each) => each instanceof HttpError);
  if (!found) return null;
  const rule = RULES[found.kind];
  return { ...rule, cause: `${title}: ${rule.cause}`, evidence: found.message };
}
