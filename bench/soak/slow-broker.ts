/** Un-awaited sends against a broker that takes 1 MB/s: memory stays bounded, order is kept, all arrive. TQ_SOAK_SENDS (100000). */
import amqp from 'amqplib';
import { Celery } from 'tq-bridge';
import { faultProxy } from '../../test/servers/proxy.ts';
import { Report, brokerUrl, progress, rssMb, strayErrors, until } from './report.ts';

const sends = Number(process.env['TQ_SOAK_SENDS'] ?? 100_000);
const queue = 'soak-slow';
const report = new Report();
const stray = strayErrors();
await using proxy = await faultProxy(brokerUrl());
proxy.slow(1_000_000);
const client = new Celery('client', { broker_url: proxy.url, task_default_queue: queue });
const before = rssMb();
let confirmed = 0;
let failed = 0;
const began = performance.now();
for (let index = 0; index < sends; index += 1) {
  client.sendTask('soak.none', [index, 'x'.repeat(100)]).then(
    () => (confirmed += 1),
    () => (failed += 1),
  );
}
await until(() => confirmed > 0, 60_000);
const asked = rssMb();
let peak = asked;
const watching = setInterval(() => {
  peak = Math.max(peak, rssMb());
  progress(`${confirmed} confirmed, ${peak.toFixed(0)} MB at most`);
}, 5000);
await until(() => confirmed + failed === sends, 900_000);
clearInterval(watching);
report.figure('seconds', (performance.now() - began) / 1000);
report.exactly('confirmed', confirmed, sends);
report.figure('RSS before MB', before);
report.figure('RSS when all were asked for MB', asked);
report.figure('RSS peak MB', peak);
report.atMost('RSS growth while the broker lags', peak / asked, 1.25);
report.atMost('bytes held per waiting send', ((peak - before) * 1e6) / sends, 8000);
await client.close();

const connection = await amqp.connect(brokerUrl());
const channel = await connection.createChannel();
let received = 0;
let misplaced = 0;
await channel.consume(
  queue,
  (message) => {
    const [[index]] = JSON.parse(message?.content.toString() ?? '[[]]') as [[number]];
    if (index !== received) misplaced += 1;
    received += 1;
  },
  { noAck: true },
);
await until(() => received >= sends, 60_000);
report.exactly('received', received, sends);
report.exactly('out of place', misplaced, 0);
await channel.deleteQueue(queue);
await connection.close();
report.exactly('stray errors', stray(), 0);
report.print();
