import type { Pool } from './pool.ts';
import { ChildPool } from './child-pool.ts';
import type { ChildPoolOptions } from './child-pool.ts';
import { InProcessPool } from './in-process.ts';
import { startProcess } from './process-child.ts';
import { startThread } from './thread-child.ts';

export type PoolName = 'async' | 'solo' | 'prefork' | 'threads';

/** What a pool is made of; those on the worker's own loop need only the first three. */
export interface PoolOptions extends Omit<ChildPoolOptions, 'name' | 'start' | 'boot'> {
  /** What children need. Throws where the worker does not know its app's module. */
  readonly boot: () => ChildPoolOptions['boot'];
}

const POOLS: Readonly<Record<PoolName, (options: PoolOptions) => Pool>> = {
  async: ({ size, logger }) => new InProcessPool('async', size, logger),
  solo: ({ logger }) => new InProcessPool('solo', 1, logger),
  prefork: (options) => new ChildPool({ ...options, name: 'prefork', start: startProcess, boot: options.boot() }),
  threads: (options) => new ChildPool({ ...options, name: 'threads', start: startThread, boot: options.boot() }),
};

/** Throws `RangeError` for what is no pool's name: JavaScript may say anything. */
export function checkPoolName(name: string): void {
  if (!Object.hasOwn(POOLS, name)) throw new RangeError(`the pools are ${Object.keys(POOLS).join(', ')}; there is no '${name}'`);
}

/** Makes a pool by name. Throws as `PoolOptions.boot` does. */
export function createPool(name: PoolName, options: PoolOptions): Pool {
  return POOLS[name](options);
}
