import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ConnectionError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/logger.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { Arrivals, textMessage, transportOptions } from '../conformance/transport.ts';
import { faultProxy, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

const connect = (url: string, heartbeatMs = 10_000, logger: Logger = silentLogger): Promise<Connection> =>
  amqpTransport.connect(parseBrokerUrl(url), { ...transportOptions(), heartbeatMs, logger });
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

describe('amqp transport under faults', () => {
  test('a publish in flight when the link is cut is a ConnectionError, not a refusal', async () => {
    await using proxy = await faultProxy(server.url);
    const connection = await connect(proxy.url);
    const channel = await connection.openChannel();
    proxy.freeze(true);
    const publish = channel.publish(textMessage('x'), { exchange: '', routingKey: 'nowhere' });
    const failure = publish.catch((error: unknown) => error);

    proxy.cut();

    expect(await failure).toBeInstanceOf(ConnectionError);
  });

  test('a half-open link is noticed within two heartbeats', async () => {
    await using proxy = await faultProxy(server.url);
    const connection = await connect(proxy.url, 2000);
    const channel = await connection.openChannel();
    const began = performance.now();

    proxy.freeze(true);

    expect(await connection.closed).toBeInstanceOf(ConnectionError);
    expect(await channel.closed).toBeInstanceOf(ConnectionError);
    expect(performance.now() - began).toBeLessThan(4500);
  });

  test('closing does not wait for a frozen broker, and leaves no socket', async () => {
    await using proxy = await faultProxy(server.url);
    const before = sockets();
    const connection = await connect(proxy.url, 60_000);
    const channel = await connection.openChannel();
    const queue = plainQueue(`frozen-${randomUUID()}`);
    await channel.declareQueue(queue);
    const consumer = await channel.consume([queue], {
      prefetch: 1,
      noAck: false,
      onDelivery: () => undefined,
      onCancelled: () => undefined,
    });
    proxy.freeze(true);
    const began = performance.now();

    await consumer.cancel().catch(() => undefined);
    await channel.close();
    await connection.close();

    expect(performance.now() - began).toBeLessThan(16_000);
    proxy.cut();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sockets()).toBe(before);
  });

  test('a message cut off halfway rejects the get that waits for it', async () => {
    await using proxy = await faultProxy(server.url);
    const connection = await connect(proxy.url);
    const channel = await connection.openChannel();
    const queue = plainQueue(`half-${randomUUID()}`);
    await channel.declareQueue(queue);
    await channel.publish(textMessage('x'.repeat(5e6)), { exchange: '', routingKey: queue.name });

    proxy.cutAfter(1e6);

    await expect(channel.get(queue.name)).rejects.toBeInstanceOf(ConnectionError);
  });

  test('headers nobody can read are said in the log, and the connection lives', async () => {
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, error: (text) => void lines.push(text) };
    const connection = await connect(server.url, 10_000, logger);
    const channel = await connection.openChannel();
    const queue = plainQueue(`deep-${randomUUID()}`);
    await channel.declareQueue(queue);
    const deep = (levels: number): Record<string, unknown> => (levels === 0 ? {} : { a: deep(levels - 1) });
    for (const levels of [300, 500]) await channel.publish(textMessage('x', deep(levels)), { exchange: '', routingKey: queue.name });
    const arrivals = new Arrivals();
    await channel.consume([queue], { prefetch: 0, noAck: true, onDelivery: arrivals.push, onCancelled: () => undefined });

    const [readable, unreadable] = await arrivals.take(2);

    expect(Object.keys(readable?.message.headers ?? {})).toEqual(['a']);
    expect(unreadable?.message.headers).toEqual({});
    expect(lines).toEqual([`The headers of a message in queue ${queue.name} cannot be read: tables nested too deep`]);
    await channel.deleteQueue(queue.name);
    await connection.close();
  });
});
