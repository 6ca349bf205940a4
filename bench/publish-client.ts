/** The client publishing with confirms, persistent messages, 200 sends in flight. */
import { Celery } from 'tq-bridge';

const count = Number(process.env['BENCH_COUNT']);
const app = new Celery('bench', { broker_url: process.env['BENCH_BROKER'] ?? '' });
await app.sendTask('bench.noop', [2, 3], { queue: 'bench' });
const start = performance.now();
let left = count;
await Promise.all(
  Array.from({ length: 200 }, async () => {
    // Each lane keeps one send in flight: the next starts when the broker has confirmed the last.
    while (left > 0) {
      left -= 1;
      await app.sendTask('bench.noop', [2, 3], { queue: 'bench' });
    }
  }),
);
console.log(JSON.stringify({ rate: (count * 1000) / (performance.now() - start) }));
await app.close();
