/** A long mixed run: memory does not grow, file descriptors neither, nothing is lost. TQ_SOAK_TASKS (200000). */
import amqp from 'amqplib';
import { Celery } from 'tq-bridge';
import { Report, brokerUrl, median, openFiles, progress, rssMb, strayErrors, until, wait } from './report.ts';

const tasks = Number(process.env['TQ_SOAK_TASKS'] ?? 200_000);
const queue = 'soak-mixed';
const report = new Report();
const stray = strayErrors();
const settings = { broker_url: brokerUrl(), task_default_queue: queue };
const app = new Celery('worker', settings);
const client = new Celery('client', settings);
const done = { ok: 0, failed: 0, retried: 0, later: 0, early: 0 };
app.task('soak.ok', { params: ['x'] }, (x: number) => {
  done.ok += 1;
  return x;
});
app.task('soak.fail', { params: ['x'] }, (x: number) => {
  done.failed += 1;
  throw new RangeError(`no ${x}`);
});
app.task('soak.retry', { params: ['x'], maxRetries: 3 }, async function (x: number) {
  if (this.request.retries === 0) await this.retry({ countdown: 0.1 });
  done.retried += 1;
  return x;
});
app.task('soak.later', { params: ['due'] }, (due: number) => {
  done.later += 1;
  if (Date.now() < due) done.early += 1;
});
const worker = app.worker({ concurrency: 50 });
await worker.start();
const connection = await amqp.connect(brokerUrl());
const raw = await connection.createConfirmChannel();
const malformed: readonly (readonly [Buffer, amqp.Options.Publish])[] = [
  [Buffer.from('not json'), { contentType: 'application/json', headers: { task: 'soak.ok', id: 'bad-1' } }],
  [Buffer.from('{}'), { contentType: 'application/x-python-serialize', headers: { task: 'soak.ok', id: 'bad-2' } }],
  [Buffer.from('[[1], {}, {}]'), { contentType: 'application/json', headers: {} }],
  [Buffer.from('[1, 2]'), { contentType: 'application/json', headers: { task: 'soak.ok', id: 'bad-3' } }],
];

const wanted = { ok: 0, failed: 0, retried: 0, later: 0 };
let bad = 0;
function send(index: number): Promise<unknown> {
  const kind = index % 100;
  if (kind === 0) {
    wanted.retried += 1;
    return client.sendTask('soak.retry', [index]);
  }
  if (kind === 1) {
    wanted.later += 1;
    return client.sendTask('soak.later', [Date.now() + 1000], { countdown: 1 });
  }
  if (kind === 2) {
    bad += 1;
    const [body, options] = malformed[Math.floor(index / 100) % malformed.length] ?? [Buffer.alloc(0), {}];
    return new Promise<void>((resolve, reject) => {
      raw.sendToQueue(queue, body, options, (error: unknown) => (error === null ? resolve() : reject(error as Error)));
    });
  }
  if (kind < 12) {
    wanted.failed += 1;
    return client.sendTask('soak.fail', [index]);
  }
  wanted.ok += 1;
  return client.sendTask('soak.ok', [index]);
}

const samples: { readonly rss: number; readonly files: number }[] = [];
const began = performance.now();
const BATCH = 500;
const every = Math.max(1, Math.floor(tasks / BATCH / 50));
const started = (): number => done.ok + done.failed + done.retried + done.later;
for (let batch = 0; batch * BATCH < tasks; batch += 1) {
  await Promise.all(Array.from({ length: BATCH }, (_item, index) => send(batch * BATCH + index)));
  // The worker keeps up: what is measured is the process, not a backlog.
  await until(() => (batch + 1) * BATCH - started() < 3000, 60_000);
  if (batch % every !== 0) continue;
  samples.push({ rss: rssMb(), files: openFiles() });
  if (samples.length % 10 === 0) progress(`${(batch + 1) * BATCH} sent, ${samples.at(-1)?.rss.toFixed(0)} MB`);
}
const all = await until(() => started() >= tasks - bad, 60_000);
report.figure('seconds', (performance.now() - began) / 1000);
report.figure('everything ran', Number(all), all, '1');
for (const kind of ['ok', 'failed', 'retried', 'later'] as const) report.exactly(`ran ${kind}`, done[kind], wanted[kind]);
report.exactly('ran before their time', done.early, 0);
report.figure('malformed', bad);
await wait(1000);
report.exactly('left in the queue', (await raw.checkQueue(queue)).messageCount, 0);
const from = samples.slice(Math.floor(samples.length * 0.2), Math.floor(samples.length * 0.3) + 1);
const to = samples.slice(-Math.max(1, Math.floor(samples.length * 0.1)));
const [first, last] = [median(from.map(({ rss }) => rss)), median(to.map(({ rss }) => rss))];
report.figure('RSS at a fifth MB', first);
report.figure('RSS at the end MB', last);
report.atMost('RSS growth over the last 80 %, %', (last / first - 1) * 100, 15);
report.exactly('file descriptors gained', median(to.map(({ files }) => files)) - median(from.map(({ files }) => files)), 0);
await worker.stop();
await raw.deleteQueue(queue);
await connection.close();
await client.close();
await app.close();
report.exactly('stray errors', stray(), 0);
report.print();
