import type { Diagnosis } from '../../reports/model.ts';
import { HttpError } from '../wire/http.ts';
import { diagnoseHttp } from './http.ts';
import { causes } from './wire.ts';

interface Rule extends Pick<Diagnosis, 'class' | 'cause' | 'remedy'> {
  readonly when: RegExp;
}

/** What MLflow's error bodies say, the narrower first. Source: mlflow 3.17, server/{security_utils,handlers}.py and protos/databricks.proto. */
const RULES: readonly Rule[] = [
  {
    when: /Invalid Host header/,
    class: 'misconfigured',
    cause: 'refuses the host name that it is called by, though /health answers',
    remedy: 'add the name with its port to --allowed-hosts (MLFLOW_SERVER_ALLOWED_HOSTS)',
  },
  {
    when: /serve-artifacts/,
    class: 'misconfigured',
    cause: 'does not serve artifacts, though its artifact locations say so',
    remedy: 'start the server with --serve-artifacts and an --artifacts-destination',
  },
  {
    when: /NoCredentialsError|Unable to locate credentials|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch/,
    class: 'misconfigured',
    cause: 'is not let in by its own artifact store',
    remedy: "check the Secret with the object store's credentials in the pod of the server",
  },
  {
    when: /no such table|UndefinedTable|doesn't exist|out-of-date database schema/,
    class: 'misconfigured',
    cause: 'finds its database without its tables',
    remedy: 'run `mlflow db upgrade` against the backend store',
  },
  {
    when: /database is locked/,
    class: 'slow',
    cause: 'waits for its database',
    remedy: 'move the backend store from SQLite to PostgreSQL or MySQL',
  },
  {
    when: /OperationalError|could not connect to server|Connection refused/,
    class: 'unreachable',
    cause: 'can not reach its database',
    remedy: 'look at the database of the backend store, and at the network between',
  },
  {
    when: /Invalid model version source/,
    class: 'misconfigured',
    cause: "does not take a run's own artifacts as the source of a model version",
    remedy: 'check that --artifacts-destination and --default-artifact-root agree',
  },
  {
    when: /"PERMISSION_DENIED"/,
    class: 'authorization',
    cause: 'forbids our user what this check does',
    remedy: "grant the suite's user EDIT on experiments and MANAGE on registered models",
  },
  {
    when: /"RESOURCE_DOES_NOT_EXIST"/,
    class: 'data-wrong',
    cause: 'does not know what it acknowledged a moment ago',
    remedy: 'look for several servers that do not share one backend store, then for a clean-up job',
  },
];

/** What MLflow answered, in its own terms; null where it is not MLflow's to explain. */
export function diagnoseMlflow(error: unknown, title: string): Diagnosis | null {
  const failed = [...causes(error)].find((each) => each instanceof HttpError);
  const rule = failed?.kind === 'status' ? RULES.find(({ when }) => when.test(failed.body)) : undefined;
  if (!failed || !rule) return diagnoseHttp(error, title);
  return { class: rule.class, cause: `${title} ${rule.cause}`, remedy: rule.remedy, evidence: failed.message };
}
