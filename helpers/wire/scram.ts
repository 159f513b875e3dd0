import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

/** One login by SCRAM without channel binding, step by step. Source: RFC 5802, sections 3 and 5; RFC 7677 for SHA-256. */
export interface ScramLogin {
  /** The client's first message. */
  first(): string;
  /** Answers the server's challenge. Throws where it is none that belongs to this login. */
  final(challenge: string): Promise<string>;
  /** Throws where the server does not prove that it knows the password too. */
  verify(answer: string): void;
}

/** Fewer rounds than these are an attack on the password. Source: RFC 7677, section 4. */
const LEAST_ROUNDS = 4_096;

/** @param nonce chosen by the caller in tests only */
export function scramLogin(
  hash: 'sha256' | 'sha512',
  user: string,
  password: string,
  nonce: string = randomBytes(18).toString('base64'),
): ScramLogin {
  const bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  let expected: Buffer | null = null;
  return {
    first: () => `n,,${bare}`,
    async final(challenge) {
      const { r, s, i } = attributes(challenge);
      const rounds = Number(i);
      if (!r?.startsWith(nonce) || r === nonce || !s) throw new Error('the challenge does not belong to this login');
      if (!(rounds >= LEAST_ROUNDS))
        throw new Error(`the challenge asks for ${i} rounds, ${LEAST_ROUNDS} are the least`);
      const size = createHash(hash).digest().length;
      const salted = await derive(password, Buffer.from(s, 'base64'), rounds, size, hash);
      const withoutProof = `c=biws,r=${r}`;
      const message = `${bare},${challenge},${withoutProof}`;
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(createHash(hash).update(clientKey).digest(), message);
      expected = hmac(hmac(salted, 'Server Key'), message);
      return `${withoutProof},p=${Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))).toString('base64')}`;
    },
    verify(answer) {
      const given = Buffer.from(attributes(answer).v ?? '', 'base64');
      if (expected === null || given.length !== expected.length || !timingSafeEqual(given, expected))
        throw new Error('the server does not prove that it knows the password');
    },
  };
}

const attributes = (message: string): Partial<Record<string, string>> =>
  Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
