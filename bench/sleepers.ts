/** 1,000 tasks that sleep at once on the async pool; prints the most memory it took. */
import { app } from './pool-app.ts';

const count = Number(process.env['BENCH_COUNT']);
const worker = app.worker({ queues: ['bench'], concurrency: count, prefetchMultiplier: 1 });
let ended = 0;
let together = 0;
const { promise: drained, resolve } = Promise.withResolvers<void>();
worker.state.observe({
  started: () => (together = Math.max(together, worker.running)),
  ended: () => {
    ended += 1;
    if (ended === count) resolve();
  },
});
const start = performance.now();
await worker.start();
await drained;
const rate = (count * 1000) / (performance.now() - start);
console.log(JSON.stringify({ rate, together, peakMb: Math.round(process.resourceUsage().maxRSS / 1000) }));
await worker.stop();
await app.close();
