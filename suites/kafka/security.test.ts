import { suite } from '../../helpers/check/suite.ts';
import { metadataOf } from '../../helpers/connect/kafka/raw.ts';
import { service } from '../../helpers/connect/kafka.ts';
import { type Sasl, WireError } from '../../helpers/wire/kafka.ts';

const check = suite(service);

check(
  'kafka.security.negative',
  {
    level: 'security',
    claim: 'The brokers turn away who gives a wrong password, and who gives none',
    otherwise: {
      class: 'misconfigured',
      remedy:
        'give the listener SASL (`security.protocol` SASL_SSL), or close it to clients; until then waive this check with an owner',
    },
  },
  async ({ kafka, component, signal, fail, expect, observe }) => {
    /** How a broker answers the least request from this caller: null where it lets the caller in. */
    const refusal = (at: string, as: Sasl | null): Promise<WireError | null> =>
      kafka.ask(metadataOf([]), signal, { at, as }).then(
        () => null,
        (error: unknown) => {
          if (error instanceof WireError && TURNED_AWAY.has(error.kind)) return error;
          throw error;
        },
      );
    const addresses = component.endpoints.bootstrap ?? [];
    const wrong = kafka.login && { ...kafka.login, password: `${kafka.login.password}-wrong` };
    const answers = await Promise.all(
      addresses.map(async (at) => ({
        at,
        nobody: await refusal(at, null),
        impostor: wrong && (await refusal(at, wrong)),
      })),
    );
    const open = answers.filter(({ nobody }) => nobody === null);
    if (open.length > 0)
      fail({
        cause: `${open.length} of ${answers.length} brokers let in who does not say who they are`,
        evidence: open.map(({ at }) => `${at}: answered Metadata without a login`).join('; '),
      });
    observe({ anonymous: answers.map(({ nobody }) => nobody?.message ?? '') });
    const fooled = answers
      .filter(({ impostor }) => impostor?.code !== 'SASL_AUTHENTICATION_FAILED')
      .map(({ at }) => at);
    expect(fooled, 'brokers that do not refuse a wrong password as such').toEqual([]);
    return { wrongPassword: answers.map(({ impostor }) => impostor?.message ?? '') };
  },
);

/** How a broker refuses: it closes on whoever does not log in, and answers a failed login. */
const TURNED_AWAY: ReadonlySet<string> = new Set(['closed', 'login-refused']);

/** What is left must be long enough for whoever is to renew it to hear of it and to act. */
const LEAST_DAYS = 30;
const DAY_MS = 86_400_000;

check(
  'kafka.security.tls',
  {
    level: 'security',
    claim:
      'Every TLS listener shows a certificate of the declared authority for its own name, good for a month, and lets our user in',
    otherwise: { class: 'tls', remedy: 'renew the certificate, with Strimzi by its annotation strimzi.io/force-renew' },
  },
  async ({ kafka, component, signal, skip, fail }) => {
    if (component.tls === null) skip('tls declared', false);
    const listener = component.endpoints.tls ? 'tls' : 'bootstrap';
    const seen = await Promise.all(
      (component.endpoints[listener] ?? []).map(async (at) => {
        await kafka.ask(metadataOf([]), signal, { at, listener });
        const { validTo, subject, issuer, protocol } = await kafka.certificate(at, listener, signal);
        const days = Math.floor((validTo.getTime() - Date.now()) / DAY_MS);
        return { at, subject, issuer, protocol, validTo: validTo.toISOString(), days };
      }),
    );
    const ending = seen.filter(({ days }) => days < LEAST_DAYS);
    if (ending.length > 0)
      fail({
        cause: `the certificate of ${ending.map(({ at }) => at).join(', ')} ends in ${Math.min(...ending.map(({ days }) => days))} days`,
        evidence: ending.map(({ at, subject, validTo }) => `${at}: ${subject} until ${validTo}`).join('; '),
      });
    return { certificates: seen };
  },
);
