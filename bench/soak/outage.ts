/** The broker is gone for minutes under a running worker and client. TQ_SOAK_OUTAGE_S (300). */
import { Celery } from 'tq-bridge';
import { faultProxy } from '../../test/servers/proxy.ts';
import { Report, brokerUrl, progress, strayErrors, until, wait } from './report.ts';

const outageS = Number(process.env['TQ_SOAK_OUTAGE_S'] ?? 300);
const report = new Report();
const stray = strayErrors();
await using proxy = await faultProxy(brokerUrl());
const settings = { broker_url: proxy.url, task_default_queue: 'soak-outage' };
const app = new Celery('worker', settings);
const client = new Celery('client', settings);
/** What ran; an ack that the cut swallows lets a task run twice, which is no news here. */
const runs = new Set<number>();
app.task('soak.note', { params: ['index'] }, (index: number) => void runs.add(index));
const worker = app.worker();
await worker.start();
for (let index = 0; index < 20; index += 1) await client.sendTask('soak.note', [index]);
await until(() => runs.size === 20, 10_000);
report.exactly('tasks run before', runs.size, 20);

progress(`the broker goes away for ${outageS} s`);
proxy.refuse(true);
proxy.cut();
const began = performance.now();
const codes = new Map<string, number>();
let slowest = 0;
while (performance.now() - began < outageS * 1000) {
  const sentAt = performance.now();
  const code = await client.sendTask('soak.note', [-1]).then(
    () => 'sent',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'untyped'),
  );
  slowest = Math.max(slowest, performance.now() - sentAt);
  codes.set(code, (codes.get(code) ?? 0) + 1);
  await wait(Math.min(5000, outageS * 100));
}
const rejected = codes.get('ERR_APP_OPERATIONAL') ?? 0;
report.figure('outage s', (performance.now() - began) / 1000);
report.figure('sends rejected with ERR_APP_OPERATIONAL', rejected, rejected > 0, 'more than 0');
report.exactly('sends with another outcome', [...codes.values()].reduce((sum, count) => sum + count, 0) - rejected, 0);
report.atMost('slowest rejection s', slowest / 1000, 10);

progress('the broker is back');
proxy.refuse(false);
const back = performance.now();
for (let index = 20; index < 40; index += 1) await client.sendTask('soak.note', [index]);
await until(() => runs.size === 40, 60_000);
report.exactly('tasks run after', runs.size - 20, 20);
// The last pause before a try is 32 s and a fifth.
report.atMost('recovery s', (performance.now() - back) / 1000, 45);
await worker.stop();
await client.close();
await app.close();
report.exactly('stray errors', stray(), 0);
report.print();
