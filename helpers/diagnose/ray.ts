import type { Diagnosis } from '../../reports/model.ts';
import { HttpError } from '../wire/http.ts';
import { diagnoseHttp } from './http.ts';
import { causes } from './wire.ts';

interface Rule extends Pick<Diagnosis, 'class' | 'cause' | 'remedy'> {
  readonly when: RegExp;
}

/** What the dashboard says in plain text. Source: ray 2.60, dashboard/modules/job/job_head.py, healthz/healthz_head.py and http_server_head.py, and _private/authentication. */
const RULES: readonly Rule[] = [
  {
    when: /Missing authentication token/,
    class: 'authentication',
    cause: 'lets in only who has its token, and the phase file gives none',
    remedy: 'give the token as the password of `credentials` in the phase file',
  },
  {
    when: /Invalid authentication token/,
    class: 'authentication',
    cause: 'does not know the token that we have',
    remedy: "compare the password of `credentials` in the phase file with the cluster's RAY_AUTH_TOKEN, or its Secret",
  },
  {
    when: /No available agent to submit job/,
    class: 'unschedulable',
    cause: 'has no node whose agent takes jobs',
    remedy:
      'look at the dashboard agent in the head pod (dashboard_agent.log): it starts last, and dies of too little memory',
  },
  {
    when: /Health check failed|GCS/,
    class: 'crash',
    cause: 'has lost its control store (GCS)',
    remedy:
      'look into gcs_server.out in the head pod; without GCS fault tolerance its end takes all actors and jobs with it',
  },
];

/** What Ray's dashboard answered, in its own terms; null where it is not Ray's to explain. */
export function diagnoseRay(error: unknown, title: string): Diagnosis | null {
  const failed = [...causes(error)].find((each) => each instanceof HttpError);
  const rule = failed?.kind === 'status' ? RULES.find(({ when }) => when.test(failed.body)) : undefined;
  if (!failed || !rule) return diagnoseHttp(error, title);
  return { class: rule.class, cause: `${title} ${rule.cause}`, remedy: rule.remedy, evidence: failed.message };
}
