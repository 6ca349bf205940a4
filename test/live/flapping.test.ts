import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { faultProxy, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';
import { CLOSE, method, scriptedAmqp } from '../servers/amqp-script.ts';

const QUEUE_DECLARE = method(50, 10);

describe('a broker that comes and goes', () => {
  let server: Server;
  beforeAll(async () => {
    server = await rabbitmq();
  });
  afterAll(() => server?.stop());

  test('a worker outlives connections that are closed while it declares its queues', async () => {
    await using proxy = await faultProxy(server.url);
    const flapping = await scriptedAmqp({ [QUEUE_DECLARE]: CLOSE });
    const queue = `flapping-${randomUUID()}`;
    await using app = new Celery('flapping', { broker_url: `${proxy.url};${flapping.url}`, task_default_queue: queue });
    const { promise: ran, resolve } = Promise.withResolvers<void>();
    app.task('ran', () => resolve());
    const worker = app.worker();
    await worker.start();

    proxy.refuse(true);
    proxy.cut();
    await Promise.race([flapping.received(QUEUE_DECLARE, 3), worker.done]);
    proxy.refuse(false);
    await flapping[Symbol.asyncDispose]();
    await using client = new Celery('client', { broker_url: server.url, task_default_queue: queue });
    await client.sendTask('ran');

    expect(await Promise.race([ran.then(() => 'ran'), worker.done.then(() => 'ended')])).toBe('ran');
    await worker.stop();
  });

  test('one that stays away ends the worker when what runs is finished, with its signals', async () => {
    await using proxy = await faultProxy(server.url);
    const queue = `gone-${randomUUID()}`;
    await using app = new Celery('gone', { broker_url: proxy.url, task_default_queue: queue, broker_connection_retry: false });
    const [started, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const said: string[] = [];
    app.task('gated', async () => {
      started.resolve();
      await gate.promise;
      said.push('finished');
    });
    app.signals.on('worker_shutting_down', () => gate.resolve());
    app.signals.on('worker_shutdown', () => void said.push('shutdown'));
    const worker = app.worker();
    await worker.start();
    await app.sendTask('gated');
    await started.promise;

    proxy.refuse(true);
    proxy.cut();

    await expect(worker.done).rejects.toThrow();
    expect(said).toEqual(['finished', 'shutdown']);
  });
});
