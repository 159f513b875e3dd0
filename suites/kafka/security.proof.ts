import { prove } from '../../helpers/check/proof.ts';
import { listener } from './faults.ts';
import './security.test.ts';

prove('kafka.security.negative', {
  fault: 'the listener asks nobody who they are',
  expect: 'misconfigured',
  from: 'door',
  declare: (component, env) => ({ ...listener('KAFKA_BOOTSTRAP')(component, env), credentials: null }),
});

prove('kafka.security.tls', {
  fault: 'the certificate is not signed by the declared authority',
  expect: 'tls',
  from: 'door',
  declare: (component) => ({ ...component, tls: {} }),
});

prove('kafka.security.tls', {
  fault: 'the TLS listener speaks plaintext',
  expect: 'tls',
  from: 'door',
  declare: (component, env) => ({
    ...component,
    endpoints: { ...component.endpoints, tls: (env.KAFKA_SASL_BOOTSTRAP ?? '').split(',') },
  }),
});
