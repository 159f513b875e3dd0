import type { CauseClass, Diagnosis } from '../../reports/model.ts';

/** What a class of error means, whatever it is that shows it. */
export type Rule = { readonly class: CauseClass; readonly cause: string; readonly remedy: string };

/*
 * What a peer does that node has no code for. Worded once: whichever client meets it, it is one cause in the report.
 */
export const SILENT: Rule = {
  class: 'slow',
  cause: 'accepts connections and answers nothing',
  remedy: 'look whether the process is paused, swapping or in a long collection; restart the pod if it is',
};
export const HUNG_UP: Rule = {
  class: 'unreachable',
  cause: 'closes the connection without an answer',
  remedy: 'check whether one side speaks TLS and the other does not, then the log of the service for a restart',
};
/** Timers that fire this late come before answers that are there, unread. */
export const STALLED: Rule = {
  class: 'our-side',
  cause: 'could not be heard: our own process stood still',
  remedy: 'run on a machine with processor time to spare',
};

/** Node's and OpenSSL's codes for what the wire says, whatever service is behind it. Source: Node.js "Errors" and "TLS" documentation. */
const RULES: { readonly [code: string]: Rule } = {
  ECONNREFUSED: {
    class: 'refused',
    cause: 'nothing listens at the address',
    remedy: 'check that the pod is Running and Ready and that the Service has endpoints and this port',
  },
  ENOTFOUND: {
    class: 'name-resolution',
    cause: 'the name does not exist',
    remedy: 'check the Service name and namespace; a cluster-internal name resolves only inside the cluster',
  },
  ETIMEDOUT: {
    class: 'unreachable',
    cause: 'the address does not answer to TCP',
    remedy: 'look for a NetworkPolicy or firewall between here and there, or a node that is down',
  },
  EHOSTUNREACH: {
    class: 'unreachable',
    cause: 'no route leads to the host',
    remedy: 'check that the node is up and the address is of this network',
  },
  ECONNRESET: {
    class: 'unreachable',
    cause: 'the peer closed the connection at once',
    remedy: 'check whether one side speaks TLS and the other does not, then the log of the service for a restart',
  },
  EPIPE: {
    class: 'unreachable',
    cause: 'the peer closed the connection while we wrote',
    remedy: 'look into the log of the service for a restart',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    class: 'tls',
    cause: 'the port does not speak TLS',
    remedy: 'leave `tls` out of the phase file, or name the TLS port',
  },
  EPROTO: {
    class: 'tls',
    cause: 'the TLS handshake breaks off',
    remedy:
      'leave `tls` out of the phase file where the port speaks plaintext; else compare the TLS versions of both sides',
  },
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority(),
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority(),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority(),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority(),
  ERR_TLS_CERT_ALTNAME_INVALID: {
    class: 'tls',
    cause: 'the certificate is for another name',
    remedy: 'dial a name of the certificate, or give `tls.servername`',
  },
  CERT_HAS_EXPIRED: {
    class: 'tls',
    cause: 'the certificate has expired',
    remedy: 'renew the certificate of the service',
  },
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: handshakeRefused(),
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: handshakeRefused(),
  ERR_SSL_SSL_TLS_ALERT_HANDSHAKE_FAILURE: handshakeRefused(),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: handshakeRefused(),
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: handshakeRefused(),
  EAI_AGAIN: ours('the resolver of this machine does not answer', 'check the DNS of the machine that runs the suite'),
  ENETUNREACH: ours(
    'this machine has no way to the network',
    'check the network interfaces of the machine that runs the suite',
  ),
  EADDRNOTAVAIL: ours('this machine has no address to dial from', 'check the network interfaces and free ports here'),
  EMFILE: ours('this process has no file descriptors left', 'raise the limit (ulimit -n)'),
  EACCES: ours(
    'the operating system forbids us to connect',
    'check the sandbox or firewall of the machine that runs the suite',
  ),
  EPERM: ours(
    'the operating system forbids us to connect',
    'check the sandbox or firewall of the machine that runs the suite',
  ),
};

function unknownAuthority(): Rule {
  return {
    class: 'tls',
    cause: 'the certificate is signed by an authority that we do not know',
    remedy: 'give the authority as `tls.ca` in the phase file',
  };
}

function handshakeRefused(): Rule {
  return {
    class: 'tls',
    cause: 'the peer refuses the TLS handshake',
    remedy: 'check whether it wants a client certificate, another name (`tls.servername`) or another TLS version',
  };
}

function ours(cause: string, remedy: string): Rule {
  return { class: 'our-side', cause, remedy };
}

/** The chain of an error and its causes, outermost first. Client libraries wrap; the wire's word is the innermost. */
export function* causes(error: unknown): Generator<Error> {
  const seen = new Set<unknown>();
  for (let e = error; e instanceof Error && !seen.has(e); ) {
    seen.add(e);
    yield e;
    const inner: unknown = e instanceof AggregateError ? (e.cause ?? e.errors[0]) : (e.cause ?? originalError(e));
    e = inner;
  }
}

const originalError = (e: Error): unknown => ('originalError' in e ? e.originalError : undefined);

/** Some clients keep nothing of the socket's error but its message: `connect ECONNREFUSED 10.0.0.1:7687`. */
const MENTIONED = new RegExp(`\\b(?:${Object.keys(RULES).join('|')})\\b`);

/** What a network error means whatever the service; null when it is none that we know. */
export function diagnoseWire(error: unknown, where: string): Diagnosis | null {
  const innermostFirst = [...causes(error)].reverse();
  const codeOf = (e: Error): string => ('code' in e && typeof e.code === 'string' ? e.code : '');
  for (const read of [codeOf, (e: Error): string => MENTIONED.exec(e.message)?.[0] ?? ''])
    for (const e of innermostFirst) {
      const rule = RULES[read(e)];
      if (rule)
        return {
          ...rule,
          cause: `${where}: ${rule.cause}`,
          evidence: e.message.includes(read(e)) ? e.message : `${read(e)}: ${e.message}`,
        };
    }
  return null;
}
