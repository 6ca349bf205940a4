import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBackend } from '../../src/backend/registry.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { backendConformance, backendOptions, meta } from '../conformance/backend.ts';
import { transportOptions } from '../conformance/transport.ts';
import { rabbitmq, redis } from '../servers.ts';
import type { Server } from '../servers.ts';

let broker: Server;
let store: Server;
let connection: Connection;
let raw: Redis;
beforeAll(async () => {
  [broker, store] = await Promise.all([rabbitmq(), redis()]);
  connection = await amqpTransport.connect(parseBrokerUrl(broker.url), transportOptions());
  raw = new (Redis as unknown as new (url: string) => Redis)(store.url);
});
afterAll(async () => {
  raw?.disconnect();
  await connection?.close();
  await Promise.all([broker?.stop(), store?.stop()]);
});

const nowhere = { replyTo: undefined, correlationId: undefined };

backendConformance('rpc over RabbitMQ', () =>
  Promise.resolve({ url: 'rpc://', openChannel: () => connection.openChannel(), isFinal: false }),
);

backendConformance('redis', () =>
  Promise.resolve({
    url: store.url,
    isFinal: true,
    plant: async (taskId, bytes) => {
      await raw.set(`celery-task-meta-${taskId}`, Buffer.from(bytes));
    },
  }),
);

describe('redis backend', () => {
  test('a result has an expiry and is published on the channel of its key', async () => {
    const id = randomUUID();
    const key = `celery-task-meta-${id}`;
    const listener = raw.duplicate();
    const published = new Promise<string>((resolve) => listener.on('message', (_channel, value) => resolve(value)));
    await listener.subscribe(key);
    const backend = await openBackend(backendOptions(store));

    await backend.storeResult(meta(id, 'SUCCESS', 5), nowhere);

    expect(await published).toBe(await raw.get(key));
    expect(await raw.ttl(key)).toBeGreaterThan(50);
    listener.disconnect();
    await backend.close();
  });

  test('a wait outlives the loss of every connection', async () => {
    const backend = await openBackend(backendOptions(store));
    const id = randomUUID();
    await backend.expect(id);
    const waiting = backend.waitFor(id, { timeoutMs: 20_000 });
    await raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

    // Stored and published while nobody listens.
    await raw.set(`celery-task-meta-${id}`, JSON.stringify(meta(id, 'SUCCESS', 'late')));

    expect((await waiting).result).toBe('late');
    await backend.close();
  });

  test('where scripts are refused, results are stored in two steps', async () => {
    const user = `u${randomUUID().slice(0, 8)}`;
    await raw.call('ACL', 'SETUSER', user, 'on', '>pw', '~*', '&*', '+@all', '-@scripting');
    const backend = await openBackend(backendOptions({ url: store.url.replace('redis://', `redis://${user}:pw@`) }));
    const id = randomUUID();

    await backend.storeResult(meta(id, 'SUCCESS', 1), nowhere);
    await backend.storeResult(meta(id, 'FAILURE', null), nowhere);

    expect(await backend.getMeta(id)).toMatchObject({ status: 'SUCCESS' });
    await backend.close();
    await raw.call('ACL', 'DELUSER', user);
  });

  test('global_keyprefix is put before every key', async () => {
    const backend = await openBackend(backendOptions(store, { transportOptions: { global_keyprefix: 'shop' } }));
    const id = randomUUID();

    await backend.storeResult(meta(id, 'SUCCESS', 1), nowhere);

    expect(await raw.exists(`shop_celery-task-meta-${id}`)).toBe(1);
    await backend.close();
  });

  test('2 000 expected and released results leave no subscription', async () => {
    const backend = await openBackend(backendOptions(store));
    const ids = Array.from({ length: 2000 }, () => randomUUID());
    await Promise.all(ids.map((id) => backend.expect(id)));
    await Promise.all(ids.map((id) => backend.release(id)));

    expect(await raw.call('PUBSUB', 'NUMSUB', `celery-task-meta-${ids[0]}`)).toEqual([`celery-task-meta-${ids[0]}`, 0]);
    await backend.close();
  });
});
