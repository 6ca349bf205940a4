import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ChannelError, MessageNackedError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Channel, Connection } from '../../src/transport/transport.ts';
import { Arrivals, transportOptions } from '../conformance/transport.ts';
import { openGate } from '../fixtures/gate.ts';
import { rabbitmq, redis } from '../servers.ts';
import type { Server } from '../servers.ts';

let broker: Server;
let store: Server;
let connection: Connection;
let channel: Channel;
beforeAll(async () => {
  [broker, store] = await Promise.all([rabbitmq(), redis()]);
  connection = await amqpTransport.connect(parseBrokerUrl(broker.url), transportOptions());
  channel = await connection.openChannel();
});
afterAll(async () => {
  await connection?.close();
  await Promise.all([broker?.stop(), store?.stop()]);
});

/** First arguments of all that arrives in a queue, in order. */
async function numbersIn(queue: string, count: number): Promise<number[]> {
  const reader = await connection.openChannel();
  const arrivals = new Arrivals();
  await reader.consume([plainQueue(queue)], { prefetch: 0, noAck: true, onDelivery: arrivals.push, onCancelled: () => undefined });
  const deliveries = await arrivals.take(count);
  await reader.close();
  return deliveries.map(({ message }) => (JSON.parse(new TextDecoder().decode(message.body)) as [[number]])[0][0]);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_item, index) => index);

/** A gate in front of the broker, and an app behind it. */
async function gated(settings: object = {}): Promise<{ readonly gate: Awaited<ReturnType<typeof openGate>>; readonly app: Celery }> {
  const { hostname, port } = parseBrokerUrl(broker.url);
  const gate = await openGate(hostname ?? 'localhost', port ?? 5672);
  const login = /\/\/([^@]*@)/.exec(broker.url)?.[1] ?? '';
  const path = /@[^/]*(\/.*)$/.exec(broker.url)?.[1] ?? '//';
  return { gate, app: new Celery('x', { broker_url: gate.url('amqp', login, path), ...settings }) };
}

describe('sending to RabbitMQ', () => {
  // Its bounds are memory and order; how long 200 000 messages take is the machine's business.
  test('100 000 sends that nobody awaits keep their order and hold little memory', { timeout: 300_000 }, async () => {
    const queue = `flood-${randomUUID()}`;
    // The heap's ceiling is part of the test: a send that waits holds what it was given and a promise, about 1 kB.
    const flood = [fileURLToPath(new URL('../fixtures/flood.ts', import.meta.url)), broker.url, store.url, queue, '100000'];
    const { stdout } = await promisify(execFile)(process.execPath, ['--max-old-space-size=192', ...flood]);

    expect((JSON.parse(stdout) as { readonly grownMb: number }).grownMb).toBeLessThan(350);
    expect(await numbersIn(queue, 100_001)).toEqual(upTo(100_001));
    await channel.deleteQueue(queue);
  });

  test('a missing exchange and a queue declared otherwise reject their sends alone', async () => {
    const queue = `good-${randomUUID()}`;
    const otherwise = `other-${randomUUID()}`;
    await channel.declareQueue({ ...plainQueue(otherwise), arguments: { 'x-max-priority': 5 } });
    await using app = new Celery('x', { broker_url: broker.url });

    const guilty: Promise<unknown>[] = [];
    const good = upTo(200).map((index) => {
      if (index % 20 === 7) guilty.push(app.sendTask('bad', [], { queue, exchange: `no-${randomUUID()}`, routingKey: 'x' }));
      if (index % 20 === 11) guilty.push(app.sendTask('bad', [], { queue: otherwise }));
      return app.sendTask('t', [index], { queue });
    });
    const ends = await Promise.allSettled(guilty);

    expect(
      ends.map((end) => (end.status === 'rejected' ? (end.reason as ChannelError).replyCode : 0)).toSorted((a = 0, b = 0) => a - b),
    ).toEqual([...Array.from({ length: 10 }, () => 404), ...Array.from({ length: 10 }, () => 406)]);
    await Promise.all(good);
    expect(await numbersIn(queue, 200)).toEqual(upTo(200));
    await channel.deleteQueue(queue);
    await channel.deleteQueue(otherwise);
  });

  test('a message for which the broker closes the channel is found among those under way', async () => {
    const queue = `blame-${randomUUID()}`;
    await using app = new Celery('x', { broker_url: broker.url });
    await app.sendTask('t', [-1], { queue });

    // RabbitMQ takes an expiration of 2^32 ms for an error of the channel.
    const sends = upTo(60).map((index) => app.sendTask('t', [index], { queue, ...(index % 10 === 5 ? { expires: 2 ** 33 } : {}) }));
    const ends = await Promise.allSettled(sends);

    expect(ends.map(({ status }, index) => (status === 'rejected' ? index : -1)).filter((index) => index >= 0)).toEqual([
      5, 15, 25, 35, 45, 55,
    ]);
    for (const end of ends) if (end.status === 'rejected') expect(end.reason).toBeInstanceOf(ChannelError);
    const arrived = await numbersIn(queue, await channel.size(queue));
    expect([...new Set(arrived)].toSorted((a, b) => a - b)).toEqual([-1, ...upTo(60).filter((index) => index % 10 !== 5)]);
    await channel.deleteQueue(queue);
  });

  test('a full queue that refuses is a MessageNackedError', async () => {
    const queue = `full-${randomUUID()}`;
    const limits = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    await using app = new Celery('x', { broker_url: broker.url, task_queues: { [queue]: { exchange: queue, queue_arguments: limits } } });
    await app.sendTask('t', [1], { queue });

    await expect(app.sendTask('t', [2], { queue })).rejects.toBeInstanceOf(MessageNackedError);
    await channel.deleteQueue(queue);
  });

  test('a queue deleted behind our back swallows sends until the next connection, as with Celery', async () => {
    const queue = `deleted-${randomUUID()}`;
    const app = new Celery('x', { broker_url: broker.url });
    await app.sendTask('t', [1], { queue });
    await channel.deleteQueue(queue);
    await app.sendTask('t', [2], { queue });
    await app.close();
    await using next = new Celery('x', { broker_url: broker.url });
    await next.sendTask('t', [3], { queue });

    expect(await numbersIn(queue, 1)).toEqual([3]);
    await channel.deleteQueue(queue);
  });

  test('a cut connection loses nothing and keeps order but for what is sent twice', async () => {
    const queue = `cut-${randomUUID()}`;
    const { gate, app } = await gated();
    await app.sendTask('t', [0], { queue });
    const sends = upTo(5000).map((index) => app.sendTask('t', [index + 1], { queue }));
    await sends[500];
    await gate.shut();
    await gate.open();
    await Promise.all(sends);

    const arrived = await numbersIn(queue, await channel.size(queue));
    expect([...new Set(arrived)]).toEqual(upTo(5001));
    await app.close();
    await gate.shut();
    await channel.deleteQueue(queue);
  });

  test('closing is bounded when the broker does not answer any more', async () => {
    const { gate, app } = await gated({ result_backend: 'rpc://' });
    const result = await app.sendTask('t', [0], { queue: `frozen-${randomUUID()}` });
    gate.freeze();
    const waiting = result.get({ timeout: 0.2 });
    await expect(waiting).rejects.toThrow('no result');
    const started = performance.now();

    await app.close();

    expect(performance.now() - started).toBeLessThan(8000);
    await gate.shut();
  });

  test('a sender with redis results subscribes to nothing until somebody asks', async () => {
    const queue = `quiet-${randomUUID()}`;
    await using app = new Celery('x', { broker_url: broker.url, result_backend: 'redis://127.0.0.1:1' });

    // The store is away, and a send does not need it.
    await app.sendTask('t', [1], { queue });

    expect(await numbersIn(queue, 1)).toEqual([1]);
    await channel.deleteQueue(queue);
  });
});
