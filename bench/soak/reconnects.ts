/** Resets of every connection while late-acked tasks flow: nothing lost, nothing leaked. TQ_SOAK_CUTS (100). */
import amqp from 'amqplib';
import { Celery } from 'tq-bridge';
import { faultProxy } from '../../test/servers/proxy.ts';
import { Report, brokerUrl, openFiles, progress, resources, rssMb, strayErrors, until, wait } from './report.ts';

const cuts = Number(process.env['TQ_SOAK_CUTS'] ?? 100);
const queue = 'soak-reconnects';
const report = new Report();
const stray = strayErrors();
await using proxy = await faultProxy(brokerUrl());
const settings = { broker_url: proxy.url, task_default_queue: queue, task_acks_late: true };
const app = new Celery('worker', settings);
const client = new Celery('client', { ...settings, task_publish_retry_policy: { max_retries: 20, interval_max: 1 } });
const runs = new Map<number, number>();
app.task('soak.note', { params: ['x'] }, async (x: number) => {
  await wait(5);
  runs.set(x, (runs.get(x) ?? 0) + 1);
});
const worker = app.worker({ concurrency: 10 });
let ended = 0;
worker.done.catch((error: unknown) => {
  ended += 1;
  progress(`the worker ended: ${String(error)}`);
});
await worker.start();
let sent = 0;
const confirmed: number[] = [];
/** One more task, and proof that it ran. */
async function probe(): Promise<void> {
  const mine = sent;
  sent += 1;
  await client.sendTask('soak.note', [mine]);
  confirmed.push(mine);
  await until(() => runs.has(mine), 30_000);
}
const listeners = (): number => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
await probe();
await probe();
const before = { files: openFiles(), resources: resources(), listeners: listeners(), rss: rssMb() };
let slowest = 0;
for (let cut = 0; cut < cuts; cut += 1) {
  const flowing = Array.from({ length: 30 }, async () => {
    const mine = sent;
    sent += 1;
    await client.sendTask('soak.note', [mine]);
    confirmed.push(mine);
  });
  await wait(10 * Math.random());
  proxy.cut();
  const began = performance.now();
  await Promise.all(flowing);
  await probe();
  slowest = Math.max(slowest, performance.now() - began);
  if ((cut + 1) % 20 === 0) progress(`${cut + 1} cuts, ${confirmed.length} tasks, ${openFiles()} files`);
}
await until(() => confirmed.every((item) => runs.has(item)), 30_000);
await wait(3000);
const after = { files: openFiles(), resources: resources(), listeners: listeners(), rss: rssMb() };
const executions = [...runs.values()].reduce((sum, count) => sum + count, 0);
report.figure('cuts', cuts);
report.figure('tasks', confirmed.length);
report.exactly('lost', confirmed.filter((item) => !runs.has(item)).length, 0);
report.figure('ran twice', executions - runs.size);
report.atMost('slowest recovery s', slowest / 1000, 15);
report.exactly('the worker ended', ended, 0);
report.atMost('file descriptors gained', after.files - before.files, 0);
report.atMost('timers and handles gained', after.resources - before.resources, 2);
report.exactly('listeners gained', after.listeners - before.listeners, 0);
report.figure('RSS gained MB', after.rss - before.rss);
await worker.stop();
const connection = await amqp.connect(brokerUrl());
await (await connection.createChannel()).deleteQueue(queue);
await connection.close();
await client.close();
await app.close();
report.exactly('stray errors', stray(), 0);
report.print();
