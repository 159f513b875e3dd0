/** Takes secrets out of whatever is written down or shown. */
export interface Redactor {
  /** The text with every secret, in every form that it is commonly written in, replaced by `[redacted]`. */
  text(text: string): string;
  /** The same JSON value with every string and every key so cleaned; numbers, booleans and null stay. */
  json<T>(value: T): T;
  add(secret: string): void;
}

export const REDACTED = '[redacted]';

/** A secret shorter than this is part of too many innocent words: it is taken out only where it stands alone. */
const SHORT = 4;

/**
 * Places where secrets stand whatever they are, each behind what gives it away. The user part of a URL ends at the last @ before
 * its path (RFC 3986, 3.2.1); it is bounded, as is all else here, so that no text makes the search quadratic.
 */
const ANYWHERE =
  /(?<=[a-z0-9+.-]:\/\/)[^\s/?#"'<>]{1,1024}(?=@)|(?<=authorization["']{0,2} ?[:=] ?["']?(?:basic|bearer) )[^\s"',;<>]+|(?<=(?:password|passwd|pwd|secret|token|api[_-]?key)=)[^\s"'&;,<>]+/gi;
const AUTHORIZATION = /^(?:proxy-)?authorization$/i;
const SCHEME = /^(basic|bearer) .*$/is;

/** Masks the secrets given, now and by `add`. Empty ones are ignored. */
export function createRedactor(secrets: Iterable<string>): Redactor {
  const known = new Set([...secrets].filter(Boolean));
  let pattern: RegExp | null = null;

  const text = (raw: string): string => {
    pattern ??= patternOf(known);
    return raw.replace(pattern, REDACTED).replace(ANYWHERE, REDACTED);
  };
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        text(key),
        walk(typeof inner === 'string' && AUTHORIZATION.test(key) ? inner.replace(SCHEME, `$1 ${REDACTED}`) : inner),
      ]),
    );
  };
  return {
    text,
    json: <T>(value: T): T => walk(value) as T,
    add(secret) {
      if (secret) known.add(secret);
      pattern = null;
    },
  };
}

/** One expression for all forms of all secrets, the longest secret first, since one may begin with another. */
function patternOf(secrets: ReadonlySet<string>): RegExp {
  const forms = [...secrets].sort((a, b) => b.length - a.length).flatMap(formsOf);
  return forms.length > 0 ? new RegExp(forms.join('|'), 'g') : /(?!)/g;
}

function formsOf(secret: string): string[] {
  const tokens = secret.match(/\\+|[^\\]/gu) ?? [];
  const written = tokens
    .map((token, index) => tokenForms(token, tokens[index - 1]?.startsWith('\\') ?? false))
    .join('');
  if ([...secret].length < SHORT) return [`(?<![A-Za-z0-9_])${written}(?![A-Za-z0-9_])`];
  const bytes = Buffer.from(secret, 'utf8');
  return [written, anyCase(bytes.toString('hex')), ...base64Cores(bytes)];
}

/**
 * A character, or a run of backslashes, as it is and as URIs (RFC 3986; HTML forms), JSON (RFC 8259; also JSON within JSON, three
 * deep, where backslashes multiply) and XML write it. Letters and digits are written as they are by all of them.
 * @param escaped a run of backslashes is before it, and takes those of its escape too: two ways to match one text would multiply
 */
function tokenForms(token: string, escaped: boolean): string {
  if (/^[A-Za-z0-9]$/.test(token)) return token;
  const [character = ''] = token;
  const code = character.codePointAt(0) ?? 0;
  const percent = [...Buffer.from(character, 'utf8')]
    .map((byte) => `%${anyCase(byte.toString(16).padStart(2, '0'))}`)
    .join('');
  const reference = `&(?:#0{0,5}${code}|#[xX]0{0,5}${anyCase(code.toString(16))}${XML[character] ? `|${XML[character]}` : ''});`;
  const unicode = units(character).map((each) => `u${anyCase(each)}`);
  if (character === '\\') {
    const { length } = token;
    return `(?:\\\\{${length},${length * 8}}|(?:${percent}|${reference}|\\\\{1,7}${unicode}){${length}})`;
  }
  const letter = /^\\([a-z])$/.exec(JSON.stringify(character).slice(1, -1))?.[1];
  const json = [unicode.join('\\\\{1,7}'), ...(letter ? [letter] : [])].join('|');
  const forms = [
    `${escaped ? '' : '\\\\{0,7}'}${exactly(character)}`,
    `${escaped ? '' : '\\\\{1,7}'}(?:${json})`,
    percent,
    reference,
  ];
  return `(?:${forms.join('|')}${character === ' ' ? '|\\+' : ''})`;
}

const XML: { readonly [character: string]: string } = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };

/**
 * What is the same in every base64 text with these bytes in it, for each of the three places that they can begin at. The
 * characters at both ends also hold bits of the neighbours, so up to four bits of the first and the last byte are left.
 */
function base64Cores(bytes: Buffer): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const core = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return core.replace(/[+/]/g, (c) => (c === '+' ? '(?:[-+]|%2[Bb])' : '(?:_|\\\\{0,7}/|%2[Ff])'));
  });
}

/** UTF-16 code units, four hex digits each. */
const units = (text: string): string[] =>
  Array.from({ length: text.length }, (_, index) => text.charCodeAt(index).toString(16).padStart(4, '0'));
const exactly = (text: string): string =>
  units(text)
    .map((each) => `\\u${each}`)
    .join('');
const anyCase = (hex: string): string => hex.replace(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
