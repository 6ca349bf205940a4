import { ImproperlyConfiguredError } from './errors.ts';

/** One broker or backend URL, taken apart. `password` never leaves the driver that logs in. */
export interface BrokerUrl {
  /** `amqp`, `amqps`, `redis`, `filesystem`, `memory`, … in lower case. */
  readonly scheme: string;
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Percent-decoded, without the leading slash; kombu's `virtual_host`. `amqp://host//` names the vhost `/`. */
  readonly virtualHost: string;
  readonly query: ReadonlyMap<string, string>;
  /** The URL with its password shown as `**`: the only form that may be printed. */
  readonly masked: string;
}

const SECRET_QUERY = /pass|secret|token|key/i;

/**
 * Reads a URL, or a failover list separated by `;`. `new URL` cannot: vhosts hold slashes, hosts may be missing.
 * Throws `ImproperlyConfiguredError`, whose text has no password.
 */
export function parseBrokerUrls(text: string): BrokerUrl[] {
  const urls = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseBrokerUrl);
  if (urls.length === 0) throw new ImproperlyConfiguredError('an empty broker URL');
  return urls;
}

/** Reads one URL; a bare scheme (`rpc`, `memory`) is a URL too. Throws `ImproperlyConfiguredError`. */
export function parseBrokerUrl(text: string): BrokerUrl {
  const match = /^([A-Za-z][A-Za-z0-9+]*)(?::\/\/([\s\S]*))?$/.exec(text);
  if (match === null) throw new ImproperlyConfiguredError('not a URL: expected scheme://user:password@host:port/path');
  const scheme = (match[1] ?? '').toLowerCase();
  const rest = match[2] ?? '';
  const [beforeQuery, queryText = ''] = splitOnce(rest, '?');
  const [authority, path = ''] = splitOnce(beforeQuery, '/');
  const at = authority.lastIndexOf('@');
  const [userText, passwordText] = at < 0 ? [] : splitOnce(authority.slice(0, at), ':');
  const { hostname, port } = parseHost(authority.slice(at + 1));
  const query = parseQuery(queryText);
  const username = userText === undefined || userText === '' ? undefined : decode(userText);
  return {
    scheme,
    hostname,
    port,
    username,
    password: passwordText === undefined ? undefined : decode(passwordText),
    virtualHost: decode(path),
    query,
    masked: mask({
      scheme,
      behindHost: rest.slice(authority.length),
      userText,
      hasPassword: passwordText !== undefined,
      host: authority.slice(at + 1),
      path,
      hasPath: beforeQuery.includes('/'),
      query,
    }),
  };
}

interface Maskable {
  readonly scheme: string;
  readonly behindHost: string;
  readonly userText: string | undefined;
  readonly hasPassword: boolean;
  readonly host: string;
  readonly path: string;
  readonly hasPath: boolean;
  readonly query: ReadonlyMap<string, string>;
}

function mask({ scheme, behindHost, userText, hasPassword, host, path, hasPath, query }: Maskable): string {
  // A password with a slash or a question mark that nobody escaped: what was read as host and path is a part of it.
  if (behindHost.includes('@')) return `${scheme}://**@${behindHost.slice(behindHost.lastIndexOf('@') + 1)}`;
  const user = userText === undefined ? '' : `${userText}${hasPassword ? ':**' : ''}@`;
  const items = [...query].map(([key, value]) => `${key}=${SECRET_QUERY.test(key) ? '**' : value}`);
  return `${scheme}://${user}${host}${hasPath ? `/${path}` : ''}${items.length === 0 ? '' : `?${items.join('&')}`}`;
}

function parseHost(text: string): { readonly hostname: string | undefined; readonly port: number | undefined } {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) throw new ImproperlyConfiguredError('the host part of a URL must be host or host:port');
  if (Number(match[3] ?? 0) > 65_535) throw new ImproperlyConfiguredError('the port of a URL is a number up to 65535');
  const hostname = match[1] ?? match[2];
  return { hostname: hostname === '' ? undefined : hostname, port: match[3] === undefined ? undefined : Number(match[3]) };
}

function parseQuery(text: string): ReadonlyMap<string, string> {
  const parts = text === '' ? [] : text.split('&');
  return new Map(parts.map((part) => splitOnce(part, '=')).map(([key, value]) => [decode(key), decode(value ?? '')]));
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
