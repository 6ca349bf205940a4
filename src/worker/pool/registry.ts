import { InProcessPool } from './in-process.ts';
import type { Pool } from './pool.ts';

export type PoolName = 'async' | 'solo';

const POOLS: Readonly<Record<PoolName, (concurrency: number) => Pool>> = {
  async: (concurrency) => new InProcessPool('async', concurrency),
  solo: () => new InProcessPool('solo', 1),
};

/** Makes a pool by name. */
export function createPool(name: PoolName, concurrency: number): Pool {
  return POOLS[name](concurrency);
}
