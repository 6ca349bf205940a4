import { readFile } from 'node:fs/promises';
import { ImproperlyConfiguredError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { messageOf } from '../base/message-of.ts';

/** Python's names that hold a file, and Node's for what is in it. */
const FILES: Readonly<Record<string, string>> = { ca_certs: 'ca', certfile: 'cert', keyfile: 'key' };

/** Python's names for what needs no reading. */
const RENAMED: Readonly<Record<string, string>> = { keyfile_password: 'passphrase', server_hostname: 'servername', ciphers: 'ciphers' };

/** Options of Node's `tls.connect` that are taken as they are. */
const NODES = ['ca', 'cert', 'key', 'passphrase', 'pfx', 'servername', 'rejectUnauthorized', 'minVersion', 'maxVersion'];

/** `ssl.CERT_NONE` and `ssl.CERT_REQUIRED`, as numbers and as kombu's texts; a broker always shows a certificate, so optional is required. */
const CHECKS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [0, false],
  [1, true],
  [2, true],
  ['CERT_NONE', false],
  ['CERT_OPTIONAL', true],
  ['CERT_REQUIRED', true],
]);

/**
 * Celery's `broker_use_ssl` as options of `tls.connect`: Python's names, or Node's. Without `cert_reqs` the broker's
 * certificate is checked, as py-amqp does. Throws `ImproperlyConfiguredError` for an unknown name, a bad
 * value or a file that cannot be read.
 */
export async function tlsOptions(given: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const file = FILES[name];
    if (file !== undefined) options[file] = await contents(name, value);
    else if (name === 'cert_reqs') options['rejectUnauthorized'] = isChecked(value);
    else if (RENAMED[name] !== undefined || NODES.includes(name)) options[RENAMED[name] ?? name] = value ?? undefined;
    else refuse(name);
  }
  return options;
}

async function contents(name: string, path: unknown): Promise<Uint8Array> {
  if (typeof path !== 'string') throw new ImproperlyConfiguredError(`broker_use_ssl.${name} must be a file's path`);
  try {
    return await readFile(path);
  } catch (error) {
    throw new ImproperlyConfiguredError(`broker_use_ssl.${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function isChecked(value: unknown): boolean {
  const checked = CHECKS.get(value);
  if (checked === undefined)
    throw new ImproperlyConfiguredError('broker_use_ssl.cert_reqs must be CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED');
  return checked;
}

function refuse(name: string): never {
  const near = nearest(name, [...Object.keys(FILES), ...Object.keys(RENAMED), ...NODES, 'cert_reqs']);
  throw new ImproperlyConfiguredError(
    `broker_use_ssl has no option ${name.slice(0, 100)}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}
