/** The worker draining the same messages with a no-op task: 50 slots x multiplier 4 = prefetch 200. */
import { Celery } from 'tq-bridge';

const count = Number(process.env['BENCH_COUNT']);
const results = process.env['BENCH_RESULTS'] ?? '';
const app = new Celery('bench', {
  broker_url: process.env['BENCH_BROKER'] ?? '',
  ...(results === '' ? { task_ignore_result: true } : { result_backend: results }),
});
let seen = 0;
let start = 0;
const { promise: drained, resolve } = Promise.withResolvers<void>();
app.task('bench.noop', () => {
  if (seen === 0) start = performance.now();
  seen += 1;
  if (seen === count) resolve();
  return null;
});
const taskEvents = process.env['BENCH_EVENTS'] === '1';
const worker = app.worker({ queues: ['bench'], concurrency: 50, prefetchMultiplier: 4, taskEvents });
await worker.start();
await drained;
// A warm shutdown ends when the last results are stored and the last acks are out: that belongs to the work.
await worker.stop();
console.log(JSON.stringify({ rate: (count * 1000) / (performance.now() - start) }));
await app.close();
