import { ImproperlyConfiguredError } from '../base/errors.ts';
import type { ResultBackend } from './backend.ts';
import { transportOptions } from './options.ts';
import type { BackendOptions } from './options.ts';

type Open = (options: BackendOptions) => Promise<ResultBackend>;

const redis: Open = async (options) => (await import('./redis.ts')).openRedisBackend(options);
/** A backend without transport options of its own. */
const plain =
  (open: Open): Open =>
  (options) => {
    transportOptions(options, []);
    return open(options);
  };
const memory = plain(async (options) => (await import('./memory.ts')).openMemoryBackend(options));
const disabled: Open = async () => (await import('./disabled.ts')).openDisabledBackend();

/** Result stores by URL scheme; each loads when first needed. */
const OPENERS: ReadonlyMap<string, Open> = new Map([
  ['redis', redis],
  ['rediss', redis],
  ['redis+socket', redis],
  ['rpc', plain(async (options) => (await import('./rpc.ts')).openRpcBackend(options))],
  ['file', plain(async (options) => (await import('./filesystem.ts')).openFilesystemBackend(options))],
  ['memory', memory],
  ['cache+memory', memory],
  ['disabled', disabled],
]);

/** Opens the backend a URL names. Throws `ImproperlyConfiguredError` naming the known schemes. */
export function openBackend(options: BackendOptions): Promise<ResultBackend> {
  const scheme = options.url?.scheme ?? 'disabled';
  const open = OPENERS.get(scheme);
  if (open === undefined) {
    throw new ImproperlyConfiguredError(`no result backend for ${scheme}://; there is ${[...OPENERS.keys()].join(', ')}`);
  }
  return open(options);
}
