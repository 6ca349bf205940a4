import { describe, expect, test } from 'vitest';

import { rabbitmqBinary, startRabbitmq } from '../servers/rabbitmq.ts';
import { redisBinary, startRedis } from '../servers/redis.ts';
import { answers } from '../servers/ports.ts';
import { redis } from '../servers.ts';

const hello = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

describe('the servers of the tests', () => {
  test('a private RabbitMQ answers on a port of its own and is gone after stop', async (context) => {
    const binary = await rabbitmqBinary();
    if (binary === undefined) return context.skip('rabbitmq-server is not installed');
    const server = await startRabbitmq(binary);
    const port = Number(new URL(server.url).port);
    expect(port).not.toBe(5672);
    expect(await answers(port, hello, (bytes) => bytes[0] === 1)).toBe(true);
    await server.stop();
    expect(await answers(port, hello, () => true)).toBe(false);
  });

  test('a private Redis answers on a port of its own and is gone after stop', async (context) => {
    const binary = await redisBinary();
    if (binary === undefined) return context.skip('redis-server is not installed');
    const server = await startRedis(binary);
    const port = Number(new URL(server.url).port);
    expect(port).not.toBe(6379);
    await server.stop();
    expect(await answers(port, Buffer.from('PING\r\n'), () => true)).toBe(false);
  });

  test('an address in the environment wins and its server is never stopped', async () => {
    const before = process.env['TQ_REDIS_URL'];
    process.env['TQ_REDIS_URL'] = 'redis://elsewhere:1/0';
    try {
      await using server = await redis();
      expect(server).toMatchObject({ url: 'redis://elsewhere:1/0', origin: 'environment' });
    } finally {
      if (before === undefined) delete process.env['TQ_REDIS_URL'];
      else process.env['TQ_REDIS_URL'] = before;
    }
  });
});
