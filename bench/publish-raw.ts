/** The yardstick: amqplib alone publishing persistent messages with confirms, 200 in flight. */
import amqp from 'amqplib';
import { randomUUID } from 'node:crypto';
import { taskMessage } from './broker.ts';

const count = Number(process.env['BENCH_COUNT']);
const connection = await amqp.connect(process.env['BENCH_BROKER'] ?? '');
const channel = await connection.createConfirmChannel();
const start = performance.now();
await new Promise<void>((resolve, reject) => {
  let sent = 0;
  let confirmed = 0;
  const onConfirm = (error: unknown): void => {
    if (error !== null) reject(error instanceof Error ? error : new Error('nacked'));
    confirmed += 1;
    if (confirmed === count) resolve();
    else if (sent < count) send();
  };
  const send = (): void => {
    sent += 1;
    const { body, options } = taskMessage(randomUUID());
    channel.publish('', 'bench', body, options, onConfirm);
  };
  for (let index = 0; index < 200; index += 1) send();
});
console.log(JSON.stringify({ rate: (count * 1000) / (performance.now() - start) }));
await connection.close();
