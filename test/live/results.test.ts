import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBackend } from '../../src/backend/registry.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { backendConformance, backendOptions, meta } from '../conformance/backend.ts';
import { transportOptions } from '../conformance/transport.ts';
import { ResultDecodeError, ResultTimeoutError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { openGate } from '../fixtures/gate.ts';
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
    peek: async (taskId) => (await raw.getBuffer(`celery-task-meta-${taskId}`)) ?? new Uint8Array(),
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
    const raced = randomUUID();
    await Promise.all(['RETRY', 'SUCCESS', 'RETRY'].map((status) => backend.storeResult(meta(raced, status, null), nowhere)));
    expect(await backend.getMeta(raced)).toMatchObject({ status: 'SUCCESS' });
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

  test('waits leave no subscription behind, however they end', async () => {
    const backend = await openBackend(backendOptions(store));
    const ids = Array.from({ length: 500 }, () => randomUUID());
    const ends = ids.map((id, index) => backend.waitFor(id, { timeoutMs: index % 2 === 0 ? 50 : 10_000 }).catch(() => undefined));
    await Promise.all(ids.filter((_id, index) => index % 2 === 1).map((id) => backend.storeResult(meta(id, 'SUCCESS', 1), nowhere)));
    await Promise.all(ends);

    await expect.poll(() => raw.call('PUBSUB', 'CHANNELS', 'celery-task-meta-*')).toEqual([]);
    await backend.close();
  });

  test('a published result that is unreadable ends the wait with a ResultDecodeError', async () => {
    const backend = await openBackend(backendOptions(store));
    const id = randomUUID();
    const waiting = expect(backend.waitFor(id, { timeoutMs: 5000 })).rejects.toBeInstanceOf(ResultDecodeError);
    await expect.poll(() => raw.publish(`celery-task-meta-${id}`, '{"status": 5}')).toBe(1);

    await waiting;
    await backend.close();
  });

  test('a result belongs to its key, whatever id stands in it', async () => {
    const backend = await openBackend(backendOptions(store));
    const id = randomUUID();
    const waiting = backend.waitFor(id, { timeoutMs: 5000 });
    const stranger = JSON.stringify(meta('another', 'SUCCESS', 'mine'));
    await expect.poll(() => raw.publish(`celery-task-meta-${id}`, stranger)).toBe(1);

    expect((await waiting).result).toBe('mine');
    await backend.close();
  });

  test('a published result that Celery 5.7 compressed is read', async () => {
    const backend = await openBackend(backendOptions(store));
    const id = randomUUID();
    const waiting = backend.waitFor(id, { timeoutMs: 5000 });
    const body = zlibCompressor.compress(new TextEncoder().encode(JSON.stringify(meta(id, 'SUCCESS', 'squeezed'))));
    const bytes = Buffer.concat([Buffer.from('\0celery-compressed\0application/x-gzip\0'), body]);
    await expect.poll(() => raw.publish(`celery-task-meta-${id}`, bytes)).toBe(1);

    expect((await waiting).result).toBe('squeezed');
    await backend.close();
  });

  test('a timeout of 0 sees a result that is there', async () => {
    await using app = new Celery('x', { broker_url: 'memory://', result_backend: store.url });
    const id = randomUUID();
    await raw.set(`celery-task-meta-${id}`, JSON.stringify(meta(id, 'SUCCESS', 5)));

    expect(await app.asyncResult(id).get({ timeout: 0 })).toBe(5);
  });

  test('a result without expiry stays', async () => {
    const backend = await openBackend(backendOptions(store, { resultExpiresMs: undefined }));
    const id = randomUUID();

    await backend.storeResult(meta(id, 'SUCCESS', 1), nowhere);

    expect(await raw.ttl(`celery-task-meta-${id}`)).toBe(-1);
    await backend.close();
  });

  test('results stored while the server refuses connections arrive when it is back', async () => {
    const { hostname, port } = parseBrokerUrl(store.url);
    const gate = await openGate(hostname ?? 'localhost', port ?? 6379);
    const backend = await openBackend(backendOptions({ url: gate.url('redis') }));
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    await backend.storeResult(meta(ids[0] ?? '', 'STARTED', null), nowhere);
    await gate.shut();
    const stored = ids.map((id) => backend.storeResult(meta(id, 'SUCCESS', id), nowhere));
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await gate.open();
    await Promise.all(stored);

    for (const id of ids) expect(await backend.getMeta(id)).toMatchObject({ result: id });
    await backend.close();
    await gate.shut();
  });

  test('a wait keeps its timeout while the server is away, and leaves nothing behind', async () => {
    const backend = await openBackend(backendOptions({ url: 'redis://127.0.0.1:1' }));

    await expect(backend.waitFor('t', { timeoutMs: 100 })).rejects.toBeInstanceOf(ResultTimeoutError);
    await backend.close();
  });

  test('redis+socket:// and its database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-redis-'));
    const { hostname, port } = parseBrokerUrl(store.url);
    const gate = await openGate(hostname ?? 'localhost', port ?? 6379, join(folder, 'r.sock'));
    const backend = await openBackend(backendOptions({ url: `redis+socket://${folder}/r.sock?virtual_host=3` }));
    const id = randomUUID();

    await backend.storeResult(meta(id, 'SUCCESS', 1), nowhere);

    const third = raw.duplicate({ db: 3 });
    expect(await third.exists(`celery-task-meta-${id}`)).toBe(1);
    third.disconnect();
    await backend.close();
    await gate.shut();
  });
});
