/** The yardstick: amqplib alone consuming, parsing and acking each message. */
import amqp from 'amqplib';

const count = Number(process.env['BENCH_COUNT']);
const connection = await amqp.connect(process.env['BENCH_BROKER'] ?? '');
const channel = await connection.createChannel();
await channel.prefetch(200, true);
let seen = 0;
let start = 0;
await new Promise<void>((resolve, reject) => {
  const onMessage = (message: amqp.ConsumeMessage | null): void => {
    if (message === null) return;
    if (seen === 0) start = performance.now();
    const [args] = JSON.parse(message.content.toString()) as [unknown[]];
    if (args.length !== 2) reject(new Error('not the message that was sent'));
    channel.ack(message);
    seen += 1;
    if (seen === count) resolve();
  };
  channel.consume('bench', onMessage).catch(reject);
});
console.log(JSON.stringify({ rate: (count * 1000) / (performance.now() - start) }));
await connection.close();
