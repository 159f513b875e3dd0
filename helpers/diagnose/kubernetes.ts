import type { Diagnosis } from '../../reports/model.ts';
import { NoAccess } from '../kubernetes/access.ts';
import { Forbidden, messageOf, placeOf } from '../kubernetes/api.ts';
import { HttpError } from '../wire/http.ts';
import { diagnoseHttp } from './http.ts';
import { causes } from './wire.ts';

/** What an error of the Kubernetes API means; null: none that we know. */
export function diagnoseKubernetes(error: unknown, title: string): Diagnosis | null {
  for (const each of causes(error)) {
    if (each instanceof NoAccess)
      return { class: 'our-side', cause: each.message, remedy: each.remedy, evidence: each.message };
    if (each instanceof Forbidden) return forbidden(each);
    if (each instanceof HttpError && each.status === 401)
      return {
        class: 'authentication',
        cause: `${title} does not know us by the credentials of the kubeconfig`,
        remedy: 'log in again, or make the service account a new token (kubectl create token)',
        evidence: messageOf(each),
      };
  }
  return diagnoseHttp(error, title);
}

const forbidden = (error: Forbidden): Diagnosis => ({
  class: 'authorization',
  cause: `we may not ${error.verb} ${error.resource} ${placeOf(error.namespace)}`,
  remedy: `grant it: kubectl apply -f deploy/rbac.yaml holds the rule (verb ${error.verb}, resource ${error.resource})`,
  evidence: error.message,
});
