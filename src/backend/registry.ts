import { ImproperlyConfiguredError } from '../base/errors.ts';
import type { Compressor } from '../message/compression.ts';
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

/** Stores that keep any bytes: those of Celery's that `supports_result_compression` is true for. */
const COMPRESSIBLE: ReadonlySet<string> = new Set(['redis', 'rediss', 'redis+socket', 'file']);

/**
 * Opens the backend a URL names. Throws `ImproperlyConfiguredError` naming the known schemes, or the known compressions when
 * `resultCompression` is none of them.
 */
export function openBackend(options: BackendOptions): Promise<ResultBackend> {
  const scheme = options.url?.scheme ?? 'disabled';
  const open = OPENERS.get(scheme);
  if (open === undefined) {
    throw new ImproperlyConfiguredError(`no result backend for ${scheme}://; there is ${[...OPENERS.keys()].join(', ')}`);
  }
  return open({ ...options, resultCompressor: resultCompressor(scheme, options) });
}

/** `celery/backends/base.py prepare_compression`. */
function resultCompressor(scheme: string, { resultCompression: name, compressors, logger }: BackendOptions): Compressor | undefined {
  if (name === undefined || scheme === 'disabled') return undefined;
  if (!COMPRESSIBLE.has(scheme)) {
    logger.warning(`The ${scheme} result backend cannot store compressed results: result_compression is ignored`);
    return undefined;
  }
  const compressor = compressors.find(name);
  if (compressor === undefined)
    throw new ImproperlyConfiguredError(
      `result_compression is ${name.slice(0, 100)}, which is no compression; there is ${compressors.names().join(', ')}`,
    );
  // Better now than with the first result: its package may be missing.
  compressor.compress(new Uint8Array());
  return compressor;
}
