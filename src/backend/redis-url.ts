import type { BrokerUrl } from '../base/broker-url.ts';
import { ImproperlyConfiguredError } from '../base/errors.ts';
import type { RedisLogin } from '../driver/redis.ts';

type Login = Omit<RedisLogin, 'onError'>;

const TLS_QUERY = ['ssl_cert_reqs', 'ssl_ca_certs', 'ssl_certfile', 'ssl_keyfile'];

/** How Celery spells whether the server's certificate is checked. */
const CERT_REQS: ReadonlyMap<string, boolean> = new Map([
  ['CERT_REQUIRED', true],
  ['required', true],
  ['CERT_OPTIONAL', false],
  ['optional', false],
  ['CERT_NONE', false],
  ['none', false],
]);

/**
 * `redis://`, `rediss://` (certificate checked unless `ssl_cert_reqs` says otherwise) and `redis+socket:///path?virtual_host=1`.
 * Throws `ImproperlyConfiguredError` for what is not understood. `celery/backends/redis.py RedisBackend._params_from_url`.
 */
export function redisLogin(url: BrokerUrl): Login {
  const { scheme, username, password, query } = url;
  const socket = scheme === 'redis+socket';
  const known = socket ? ['virtual_host'] : scheme === 'rediss' ? TLS_QUERY : [];
  for (const name of query.keys()) {
    if (TLS_QUERY.includes(name) && !known.includes(name))
      throw new ImproperlyConfiguredError(`${name} needs a rediss:// result backend; ${scheme}:// is not encrypted`);
    if (!known.includes(name)) throw new ImproperlyConfiguredError(`a ${scheme}:// result backend has no option ${nameOf(name)} here`);
  }
  const who = { ...(username === undefined ? undefined : { username }), ...(password === undefined ? undefined : { password }) };
  if (socket) {
    if (url.virtualHost === '') throw new ImproperlyConfiguredError('a redis+socket:// result backend needs a path');
    return { path: `/${url.virtualHost.replace(/^\/+/, '')}`, db: database(query.get('virtual_host') ?? ''), ...who };
  }
  return {
    host: url.hostname ?? 'localhost',
    port: url.port ?? 6379,
    db: database(url.virtualHost),
    ...who,
    ...(scheme === 'rediss' ? { tls: tls(query) } : undefined),
  };
}

/** An option's name, unless it is what follows a question mark in a password. */
function nameOf(option: string): string {
  return /^\w{1,50}$/.test(option) ? option : 'of that name';
}

function database(text: string): number {
  const digits = text.replaceAll('/', '');
  if (!/^\d*$/.test(digits)) throw new ImproperlyConfiguredError('the path of a redis:// result backend is the number of a database');
  return Number(digits);
}

function tls(query: BrokerUrl['query']): NonNullable<Login['tls']> {
  const reqs = query.get('ssl_cert_reqs') ?? 'CERT_REQUIRED';
  const verify = CERT_REQS.get(reqs);
  if (verify === undefined) throw new ImproperlyConfiguredError('ssl_cert_reqs must be CERT_REQUIRED, CERT_OPTIONAL or CERT_NONE');
  return { verify, caFile: query.get('ssl_ca_certs'), certFile: query.get('ssl_certfile'), keyFile: query.get('ssl_keyfile') };
}
