/** A worker with children draining tasks: BENCH_POOL, two children, prefetch 200. */
import { app } from './pool-app.ts';

const count = Number(process.env['BENCH_COUNT']);
const pool = (process.env['BENCH_POOL'] ?? 'prefork') as 'prefork' | 'threads';
const worker = app.worker({
  pool,
  queues: ['bench'],
  concurrency: 2,
  prefetchMultiplier: 100,
  source: { module: new URL('./pool-app.ts', import.meta.url).href },
});
let ended = 0;
let start = 0;
const { promise: drained, resolve } = Promise.withResolvers<void>();
worker.state.observe({
  started: () => (start ||= performance.now()),
  ended: () => {
    ended += 1;
    if (ended === count) resolve();
  },
});
await worker.start();
await drained;
console.log(JSON.stringify({ rate: (count * 1000) / (performance.now() - start) }));
await worker.stop();
await app.close();
