import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { BUDGETS } from '../budgets.ts';

/** The certificate that a listener shows, once its chain and its name have been verified. */
export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validTo: Date;
  /** Such as TLSv1.3. */
  readonly protocol: string;
}

/**
 * Completes a TLS handshake with the chain and the name verified, within BUDGETS.connect, whatever protocol follows.
 * @throws node's own error with its code: DEPTH_ZERO_SELF_SIGNED_CERT, ERR_TLS_CERT_ALTNAME_INVALID, ECONNREFUSED and so on
 */
export async function verifiedCertificate(
  { host, port }: { readonly host: string; readonly port: number },
  options: tls.ConnectionOptions,
  signal: AbortSignal,
): Promise<Certificate> {
  const socket = tls.connect({ ...(net.isIP(host) ? {} : { servername: host }), ...options, host, port });
  try {
    const budget = AbortSignal.any([signal, AbortSignal.timeout(BUDGETS.connect)]);
    await once(socket, 'secureConnect', { signal: budget }).catch((error: unknown) => {
      signal.throwIfAborted();
      if (!budget.aborted) throw error;
      const late = `${host}:${port}: no TLS handshake within ${BUDGETS.connect} ms`;
      throw Object.assign(new Error(late, { cause: error }), { code: 'ETIMEDOUT' });
    });
    const { subject, issuer, valid_to } = socket.getPeerCertificate();
    return {
      subject: nameOf(subject),
      issuer: nameOf(issuer),
      validTo: new Date(valid_to),
      protocol: socket.getProtocol() ?? 'unknown',
    };
  } finally {
    socket.destroy();
  }
}

const nameOf = (name: tls.Certificate): string =>
  Object.entries(name)
    .map(([key, value]) => `${key}=${[value].flat().join('+')}`)
    .join(', ');
