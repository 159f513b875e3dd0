import { expect, it } from 'vitest';
import { HttpError } from '../wire/http.ts';
import { diagnoseMlflow } from './mlflow.ts';

const coded = (error_code: string, message: string): string => JSON.stringify({ error_code, message });

/** Bodies as mlflow 3.17.2 sent them. */
it.each([
  [403, 'Invalid Host header - possible DNS rebinding attack detected', 'misconfigured'],
  [
    503,
    'Endpoint: /api/2.0/mlflow-artifacts/artifacts disabled due to the mlflow server running with `--no-serve-artifacts`.',
    'misconfigured',
  ],
  [500, coded('INTERNAL_ERROR', '(sqlite3.OperationalError) no such table: experiments'), 'misconfigured'],
  [500, coded('INTERNAL_ERROR', '(sqlite3.OperationalError) database is locked'), 'slow'],
  [500, coded('INTERNAL_ERROR', '(psycopg2.OperationalError) could not connect to server'), 'unreachable'],
  [400, coded('INVALID_PARAMETER_VALUE', 'Invalid model version source: ...'), 'misconfigured'],
  [403, coded('PERMISSION_DENIED', 'Permission denied'), 'authorization'],
  [404, coded('RESOURCE_DOES_NOT_EXIST', 'Run with id=x not found'), 'data-wrong'],
  [401, 'You are not authenticated.', 'authentication'],
  [404, '<!doctype html><title>404 Not Found</title>', 'wrong-product'],
])('%i %s', (status, body, expected) => {
  const error = new HttpError('status', `GET http://it/: ${status} ${body}`, { status, body });
  const diagnosis = diagnoseMlflow(error, 'MLflow');
  expect(diagnosis?.class).toBe(expected);
  expect(diagnosis?.evidence).toContain(body);
});
