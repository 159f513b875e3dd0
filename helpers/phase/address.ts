export type Address =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly problem: string; readonly mend: string };

const HOST_PORT = /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+)(?::([^\s/]*))?$/i;

const wrong = (problem: string, mend: string): Address => ({ ok: false, problem, mend });

/**
 * One address as a phase file gives it: `host`, `host:port`, `[ipv6]:port`, or a URL, which stays as it is.
 * @param port for a bare host; null where the service has no usual port
 */
export function parseAddress(text: string, port: number | null): Address {
  if (text === '') return wrong('has an empty address', 'write host:port, or take the extra comma out');
  if (text.includes('://')) return parseUrl(text);
  const [, host, given] = HOST_PORT.exec(text) ?? [];
  if (host === undefined)
    return wrong(
      'is not host:port',
      'write host:port, an IPv6 address in brackets; a URL begins with its scheme, as in http://',
    );
  if (given === undefined)
    return port === null
      ? wrong('names no port', `write ${host}:port; this type has no usual one`)
      : { ok: true, address: `${host}:${port}` };
  if (!/^\d{1,5}$/.test(given) || Number(given) < 1 || Number(given) > 65_535)
    return wrong('has a port that is not a number from 1 to 65535', `write ${host}:${port ?? 'port'}`);
  return { ok: true, address: `${host}:${Number(given)}` };
}

function parseUrl(text: string): Address {
  const url = URL.parse(text);
  if (!url || url.hostname === '')
    return wrong('is not a URL', 'write scheme://host:port, with a port from 1 to 65535');
  if (url.username !== '' || url.password !== '')
    return wrong(
      'holds a user or password',
      'take them out of the URL and give them as credentials: { user, password: { env: NAME } }',
    );
  return { ok: true, address: text };
}
