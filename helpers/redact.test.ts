import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor, REDACTED } from './redact.ts';

const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c] ?? c);
const escapeJson = (text: string): string => JSON.stringify(text).slice(1, -1);
const escapeAscii = (text: string): string =>
  escapeJson(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const strictUri = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

const ENCODINGS: { readonly [name: string]: (secret: string) => string } = {
  'as it is': (s) => s,
  'URI component': encodeURIComponent,
  'URI component, every mark, lower case': strictUri,
  URI: encodeURI,
  'HTML form': (s) => new URLSearchParams({ q: s }).toString().slice(2),
  JSON: escapeJson,
  'JSON in JSON': (s) => escapeJson(escapeJson(s)),
  'JSON in ASCII': escapeAscii,
  XML: escapeXml,
  'hex, lower case': (s) => Buffer.from(s).toString('hex'),
  'hex, upper case': (s) => Buffer.from(s).toString('hex').toUpperCase(),
};

/** What base64 of any text with the secret in it has in common, when `before` bytes stand before it. */
function base64Core(secret: string, before: number, encoding: 'base64' | 'base64url'): string {
  const bytes = Buffer.byteLength(secret);
  const whole = Buffer.from(`${'u'.repeat(before)}${secret}`).toString(encoding);
  return whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes) * 8) / 6));
}

const wellFormed = (text: string): boolean => text.isWellFormed();
const secrets = fc
  .oneof(
    fc.string({ minLength: 4, maxLength: 40 }),
    fc.string({ unit: 'binary', minLength: 4, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('\\', '"', 'n', '\n', '/', '+', '%', '&', ' '), minLength: 4, maxLength: 12 }),
  )
  .filter((secret) => wellFormed(secret) && [...secret].length >= 4 && !/[redact[\]]{4}/.test(secret));
const around = fc.string({ maxLength: 12 });

describe('property: no form of a secret survives', () => {
  test.each(Object.entries(ENCODINGS))('%s', (_, encode) => {
    fc.assert(
      fc.property(secrets, around, around, (secret, before, after) => {
        const redactor = createRedactor([secret]);
        const form = encode(secret);
        expect(redactor.text(`${before}${form}${after}`)).not.toContain(form);
        const clean = redactor.json({ [form]: [`${before}${form}${after}`, { deep: form }] });
        expect(JSON.stringify(clean)).not.toContain(escapeJson(form));
      }),
    );
  });

  test.each(['base64', 'base64url'] as const)('%s, wherever the secret begins', (encoding) => {
    fc.assert(
      fc.property(secrets, fc.nat({ max: 5 }), fc.string({ maxLength: 5 }), (secret, before, after) => {
        const encoded = Buffer.from(`${'u'.repeat(before)}${secret}${after}`).toString(encoding);
        expect(createRedactor([secret]).text(encoded)).not.toContain(base64Core(secret, before, encoding));
      }),
    );
  });

  test('numbers, booleans, null and innocent text stay as they are', () => {
    const innocent = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('hunter'));
    fc.assert(
      fc.property(innocent, (value) => {
        expect(createRedactor(['hunter22']).json(value)).toEqual(value);
      }),
    );
    expect(createRedactor(['1234']).json({ offset: 1234, on: true, off: null, text: '1234' })).toEqual({
      offset: 1234,
      on: true,
      off: null,
      text: REDACTED,
    });
  });
});

test.each([
  [
    'user and password of a URL',
    'to postgres://bob:p@ss@db:5432/x failed',
    'to postgres://[redacted]@db:5432/x failed',
  ],
  ['a URL without a user', 'http://db:9200/a?mail=x@y', 'http://db:9200/a?mail=x@y'],
  ['a basic header', 'Authorization: Basic dTpw', 'Authorization: Basic [redacted]'],
  ['a bearer header in JSON', '{"authorization":"Bearer a.b.c"}', '{"authorization":"Bearer [redacted]"}'],
  ['prose about authentication', 'Basic authentication is refused', 'Basic authentication is refused'],
  ['values of a query', '/login?user=bob&password=x1&next=y', '/login?user=bob&password=[redacted]&next=y'],
  ['an access token', 'access_token=abc; api_key=def', 'access_token=[redacted]; api_key=[redacted]'],
  ['a secret within a word', 'xhunter22x', 'x[redacted]x'],
  ['a short secret alone', 'user ab, pin (ab)', 'user [redacted], pin ([redacted])'],
  ['a short secret within a word', 'table abc_ab', 'table abc_ab'],
])('%s', (_, raw, clean) => {
  expect(createRedactor(['hunter22', 'ab', '']).text(raw)).toBe(clean);
});

test('a header as a field of its own', () => {
  const headers = { Authorization: 'Basic dTpw', 'proxy-authorization': 'Bearer x', accept: 'Basic' };
  expect(createRedactor([]).json(headers)).toEqual({
    Authorization: 'Basic [redacted]',
    'proxy-authorization': 'Bearer [redacted]',
    accept: 'Basic',
  });
});

test('of two secrets, one the beginning of the other, nothing is left of the longer', () => {
  expect(createRedactor(['hunter', 'hunter22']).text('hunter22 hunter')).toBe('[redacted] [redacted]');
});

test('a secret added later is known from then on', () => {
  const redactor = createRedactor([]);
  expect(redactor.text('hunter22')).toBe('hunter22');
  redactor.add('hunter22');
  expect(redactor.text('hunter22')).toBe(REDACTED);
});

test('redacting twice changes nothing more', () => {
  const redactor = createRedactor(['hunter22']);
  const once = redactor.text('redis://u:hunter22@r/0?token=hunter22 Authorization: Bearer hunter22');
  expect(redactor.text(once)).toBe(once);
});

test('the time grows with the length of the text and no faster, also where every character could begin a secret', () => {
  const redactor = createRedactor([String.raw`\"\"\"\"\"\"\"\"z`, 'p@ss w0rd', '////++++']);
  const took = (text: string): number => {
    const began = performance.now();
    redactor.text(text);
    return performance.now() - began;
  };
  for (const piece of ['\\\\"', 'a://b@', 'token=', '%5C%22', '/+']) {
    took(piece.repeat(1_000));
    const [short, long] = [took(piece.repeat(20_000)), took(piece.repeat(80_000))];
    expect(long, piece).toBeLessThan(12 * short + 50);
  }
});
