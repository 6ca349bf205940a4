import { randomUUID } from 'node:crypto';
import { connect as connectSocket, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ChannelError, ConnectionError } from '../../src/base/errors.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { prefetchConformance } from '../conformance/prefetch.ts';
import { Arrivals, textMessage, transportConformance, transportOptions } from '../conformance/transport.ts';
import { pythonVenv, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

const connect = (url: string = server.url): Promise<Connection> => amqpTransport.connect(parseBrokerUrl(url), transportOptions());

transportConformance('amqp', () => Promise.resolve({ transport: amqpTransport, url: server.url }));
prefetchConformance('quorum queues', () => server.url, { 'x-queue-type': 'quorum' });

describe('amqp transport', () => {
  test('a header integer of 2^40 from py-amqp does not cost the connection', async () => {
    const name = `tag-${randomUUID()}`;
    const { python } = await pythonVenv('5.7.0');
    const script = `
import sys, kombu
with kombu.Connection(sys.argv[1]) as c:
    q = c.SimpleQueue(sys.argv[2]); q.put({'a': 1}, headers={'epoch': 2**40, 'small': -1, 'nested': {'n': 2**62}})
    q.close()
`;
    await promisify(execFile)(python, ['-c', script, server.url, name]);
    const connection = await connect();
    const channel = await connection.openChannel();

    const delivery = await channel.get(name);

    expect(delivery?.message.headers).toMatchObject({ epoch: 2 ** 40, small: -1, nested: { n: 2n ** 62n } });
    await delivery?.ack();
    await channel.deleteQueue(name);
    await connection.close();
  });

  test('an exclusive queue is refused to another connection with 405, and free again when its owner goes', async () => {
    const [owner, other] = [await connect(), await connect()];
    const queue = { ...plainQueue(`exclusive-${randomUUID()}`), durable: false, exclusive: true, autoDelete: true };
    await (await owner.openChannel()).declareQueue(queue);
    const refused = (await other.openChannel()).declareQueue(queue);

    await expect(refused).rejects.toMatchObject({ code: 'ERR_TRANSPORT_CHANNEL', replyCode: 405 });

    await owner.close();
    await (await other.openChannel()).declareQueue(queue);
    await other.close();
  });

  test('a missing exchange rejects that publish alone', async () => {
    const connection = await connect();
    const channel = await connection.openChannel();
    const queue = plainQueue(`guilty-${randomUUID()}`);
    await channel.declareQueue(queue);

    const good = Array.from({ length: 50 }, (_item, index) =>
      channel.publish(textMessage(String(index)), { exchange: '', routingKey: queue.name }),
    );
    await expect(channel.publish(textMessage('x'), { exchange: `no-${randomUUID()}`, routingKey: 'x' })).rejects.toMatchObject({
      replyCode: 404,
    });

    await Promise.all(good);
    expect(await channel.size(queue.name)).toBe(50);
    await channel.deleteQueue(queue.name);
    await connection.close();
  });

  test('a queue declared otherwise is a 406 that names it', async () => {
    const connection = await connect();
    const channel = await connection.openChannel();
    const queue = plainQueue(`args-${randomUUID()}`);
    await channel.declareQueue(queue);

    const mismatch = channel.declareQueue({ ...queue, arguments: { 'x-max-priority': 5 } });

    await expect(mismatch).rejects.toBeInstanceOf(ChannelError);
    await expect(mismatch).rejects.toThrow(queue.name);
    const next = await connection.openChannel();
    await next.deleteQueue(queue.name);
    await connection.close();
  });

  test('10 000 confirmed publishes keep their order', async () => {
    const connection = await connect();
    const channel = await connection.openChannel();
    const queue = plainQueue(`order-${randomUUID()}`);
    await channel.declareQueue(queue);
    await Promise.all(
      Array.from({ length: 10_000 }, (_item, index) =>
        channel.publish(textMessage(String(index)), { exchange: '', routingKey: queue.name }),
      ),
    );
    const arrivals = new Arrivals();
    await channel.consume([queue], { prefetch: 0, noAck: true, onDelivery: arrivals.push, onCancelled: () => undefined });

    const received = await arrivals.take(10_000);

    expect(received.every(({ message }, index) => new TextDecoder().decode(message.body) === String(index))).toBe(true);
    await channel.deleteQueue(queue.name);
    await connection.close();
  });

  test('a cut connection resolves closed with a ConnectionError and rejects what was in flight', async () => {
    await using proxy = await cutter(server.url);
    const connection = await connect(proxy.url);
    const channel = await connection.openChannel();

    proxy.cut();

    expect(await connection.closed).toBeInstanceOf(ConnectionError);
    expect(await channel.closed).toBeInstanceOf(ConnectionError);
    await expect(channel.publish(textMessage('x'), { exchange: '', routingKey: 'x' })).rejects.toBeInstanceOf(ConnectionError);
  });

  test('a deleted queue is told to its consumer', async () => {
    const connection = await connect();
    const channel = await connection.openChannel();
    const queue = plainQueue(`cancelled-${randomUUID()}`);
    await channel.declareQueue(queue);
    const { promise: cancelled, resolve } = Promise.withResolvers<string>();
    await channel.consume([queue], { prefetch: 1, noAck: false, onDelivery: () => undefined, onCancelled: resolve });
    const other = await connection.openChannel();

    await other.deleteQueue(queue.name);

    expect(await cancelled).toBe(queue.name);
    await connection.close();
  });

  test('a wrong password and a closed port are ConnectionErrors without the password', async () => {
    const wrong = server.url.replace(/\/\/[^@]*@/, '//guest:s3cret@');

    const refused = connect(wrong);

    await expect(refused).rejects.toBeInstanceOf(ConnectionError);
    await expect(refused).rejects.not.toThrow('s3cret');
    await expect(connect('amqp://guest:s3cret@127.0.0.1:1//')).rejects.toThrow('ECONNREFUSED');
    await expect(connect(server.url.replace(/\/\/$/, '/nowhere'))).rejects.toThrow("the virtual host 'nowhere' does not exist");
  });
});

/** A TCP proxy whose connections can be cut. */
async function cutter(target: string): Promise<AsyncDisposable & { readonly url: string; cut(): void }> {
  const { hostname, port } = parseBrokerUrl(target);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connectSocket(port ?? 5672, hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const url = target.replace(/@[^/]*/, `@127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
