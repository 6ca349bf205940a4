/** Messages that never can run, one for each good one: all good ones run, the log stays small. TQ_SOAK_MALFORMED (100000) of each. */
import { mkdtempSync, openSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import amqp from 'amqplib';
import { Celery, createLogger } from 'tq-bridge';
import { malformed } from '../../test/fixtures/malformed.ts';
import { Report, brokerUrl, median, progress, rssMb, strayErrors, until, wait } from './report.ts';

const pairs = Number(process.env['TQ_SOAK_MALFORMED'] ?? 100_000);
const queue = 'soak-malformed';
const report = new Report();
const stray = strayErrors();
const settings = { broker_url: brokerUrl(), task_default_queue: queue, task_ignore_result: true };
const app = new Celery('worker', settings);
const client = new Celery('client', settings);
const log = join(mkdtempSync(join(tmpdir(), 'tq-soak-')), 'log');
app.setLogger(createLogger({ level: 'warning', format: 'text', fd: openSync(log, 'a') }));
const seen = new Uint8Array(pairs);
let [ran, twice] = [0, 0];
app.task('flood.ok', { params: ['index'] }, (index: number) => {
  if (seen[index] === 1) twice += 1;
  seen[index] = 1;
  ran += 1;
});
let rejected = 0;
app.signals.on('task_rejected', () => void (rejected += 1));
app.signals.on('task_unknown', () => void (rejected += 1));
const worker = app.worker({ concurrency: 50 });
await worker.start();
const connection = await amqp.connect(brokerUrl());
const raw = await connection.createConfirmChannel();

const BATCH = 500;
const samples: number[] = [];
const began = performance.now();
for (let from = 0; from < pairs; from += BATCH) {
  const size = Math.min(BATCH, pairs - from);
  const sends = Array.from({ length: size }, (_item, index) => client.sendTask('flood.ok', [from + index]));
  for (let index = 0; index < size; index += 1) {
    const { body, headers, contentType = 'application/json' } = malformed(from + index, `bad-${from + index}`);
    raw.sendToQueue(queue, body, { headers, contentType, contentEncoding: 'utf-8' });
  }
  await Promise.all([...sends, raw.waitForConfirms()]);
  // The worker keeps up: what is measured is the process, not a backlog.
  await until(() => from + size - ran < 2000, 60_000);
  samples.push(rssMb());
  if ((from / BATCH) % 20 === 0) progress(`${from + size} of each sent, ${samples.at(-1)?.toFixed(0)} MB`);
}
await until(() => ran >= pairs && rejected >= pairs, 60_000);
const seconds = (performance.now() - began) / 1000;
await wait(1500);
report.figure('seconds', seconds);
report.figure('messages a second', (2 * pairs) / seconds);
report.exactly('good ones that ran', ran - twice, pairs);
report.exactly('good ones that ran twice', twice, 0);
report.exactly('bad ones rejected', rejected, pairs);
report.exactly('left in the queue', (await raw.checkQueue(queue)).messageCount, 0);
await worker.stop();
// At most a hundred lines a second of each of the worker's six kinds, of a kilobyte or less, and a line that counts.
report.atMost('log MB', statSync(log).size / 1e6, Math.ceil(seconds + 2) * 0.6);
report.figure('log bytes for each bad one', statSync(log).size / pairs);
const [first, last] = [
  median(samples.slice(Math.floor(samples.length / 5), Math.floor(samples.length / 3) + 1)),
  median(samples.slice(-5)),
];
report.figure('RSS at a fifth MB', first);
report.figure('RSS at the end MB', last);
report.atMost('RSS growth over the last 80 %, %', (last / first - 1) * 100, 15);
await raw.deleteQueue(queue);
await connection.close();
await client.close();
await app.close();
report.exactly('stray errors', stray(), 0);
report.print();
