/** Milliseconds from sendTask to its value, one at a time, over RabbitMQ with rpc results; client and worker in one process. */
import { Celery } from 'tq-bridge';

const count = Number(process.env['BENCH_COUNT']);
const settings = { broker_url: process.env['BENCH_BROKER'] ?? '', result_backend: 'rpc://' };
await using server = new Celery('bench', settings);
server.task('bench.noop', { params: ['x', 'y'] }, (x: number, y: number) => x + y);
const worker = server.worker({ queues: ['bench'] });
await worker.start();
await using client = new Celery('bench', settings);
const times: number[] = [];
for (let index = 0; index < count; index += 1) {
  const start = performance.now();
  const result = await client.sendTask('bench.noop', [2, 3], { queue: 'bench' });
  await result.get({ timeout: 10 });
  times.push(performance.now() - start);
}
await worker.stop();
times.sort((a, b) => a - b);
const at = (share: number): number => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(2));
console.log(JSON.stringify({ rate: 0, p50: at(0.5), p99: at(0.99) }));
