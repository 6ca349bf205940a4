import { ImproperlyConfiguredError } from '../base/errors.ts';
import type { Transport } from './transport.ts';

const amqp = async (): Promise<Transport> => (await import('./amqp/transport.ts')).amqpTransport;

/** Brokers by URL scheme; each loads when first needed. */
const LOADERS: ReadonlyMap<string, () => Promise<Transport>> = new Map([
  ['amqp', amqp],
  ['amqps', amqp],
  ['pyamqp', amqp],
  ['filesystem', async () => (await import('./filesystem.ts')).filesystemTransport],
  ['memory', async () => (await import('./memory.ts')).memoryTransport],
]);

/** The transport for a URL scheme. Throws `ImproperlyConfiguredError` naming the known ones. */
export async function loadTransport(scheme: string): Promise<Transport> {
  const load = LOADERS.get(scheme);
  if (load === undefined) {
    throw new ImproperlyConfiguredError(`no transport for ${scheme}:// brokers; there is ${[...LOADERS.keys()].join(', ')}`);
  }
  return load();
}
