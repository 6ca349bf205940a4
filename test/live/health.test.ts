import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { faultProxy, rabbitmq } from '../servers.ts';
import type { FaultProxy, Server } from '../servers.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

interface Answer {
  readonly code: number;
  readonly status: string;
}

async function ask({ healthPort }: Worker, path: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${healthPort}${path}`);
  return { code: response.status, status: ((await response.json()) as { status: string }).status };
}

/** Waits until both pages say this. */
async function both(worker: Worker, answer: Answer): Promise<void> {
  for (const path of ['/healthz', '/readyz'])
    await expect.poll(() => ask(worker, path), { timeout: 30_000, interval: 100 }).toEqual(answer);
}

const well: Answer = { code: 200, status: 'ok' };

describe('the health of a worker', () => {
  let proxy: FaultProxy;
  let queues: string[];
  beforeEach(async () => {
    proxy = await faultProxy(server.url);
    queues = [`health-${randomUUID()}`, `health-${randomUUID()}`];
    return () => proxy[Symbol.asyncDispose]();
  });

  const makeApp = (): Celery => new Celery('health', { broker_url: proxy.url, task_queues: queues, broker_heartbeat: 60 });

  test('a broker that is away is seen, and that it is back', async () => {
    await using app = makeApp();
    await using worker = app.worker({ healthPort: 0, healthHost: '127.0.0.1' });
    await worker.start();
    await both(worker, well);

    proxy.refuse(true);
    proxy.cut();
    await both(worker, { code: 503, status: 'disconnected' });

    proxy.refuse(false);
    await both(worker, well);
  });

  test('a broker that is frozen is seen long before heartbeats are missed, and that it moves again', async () => {
    await using app = makeApp();
    await using worker = app.worker({ healthPort: 0, healthHost: '127.0.0.1' });
    await worker.start();
    await both(worker, well);

    proxy.freeze(true);
    const frozen = performance.now();
    await both(worker, { code: 503, status: 'silent' });
    expect(performance.now() - frozen).toBeLessThan(20_000);

    proxy.freeze(false);
    await both(worker, well);
  });

  test('a worker that waits for its broker at the start is not alive yet', async () => {
    proxy.refuse(true);
    await using app = makeApp();
    await using worker = app.worker({ healthPort: 0, healthHost: '127.0.0.1' });
    const started = worker.start();
    await expect.poll(() => worker.healthPort).toBeDefined();
    await both(worker, { code: 503, status: 'starting' });

    proxy.refuse(false);
    await started;
    await both(worker, well);
  });

  test('a queue that cannot be declared again is one that is not consumed', async () => {
    await using app = makeApp();
    await using worker = app.worker({ healthPort: 0, healthHost: '127.0.0.1' });
    await worker.start();
    const [first = ''] = queues;
    const connection = await amqp.connect(server.url);
    const channel = await connection.createChannel();

    // Deleted, and there again as another kind of queue before the worker can declare it: that is refused with 406.
    await Promise.all([channel.deleteQueue(first), channel.assertQueue(first, { durable: false })]);
    await both(worker, { code: 503, status: 'disconnected' });
    await channel.deleteQueue(first);

    await both(worker, well);
    await connection.close();
  });

  test('no answer holds anything of the broker', async () => {
    await using app = makeApp();
    await using worker = app.worker({ healthPort: 0, healthHost: '127.0.0.1' });
    await worker.start();
    proxy.refuse(true);
    proxy.cut();
    await both(worker, { code: 503, status: 'disconnected' });

    const text = await (await fetch(`http://127.0.0.1:${worker.healthPort}/readyz`)).text();
    const { port, username } = new URL(proxy.url.replace('amqp', 'http'));
    expect(text).not.toMatch(new RegExp(`${port}|${username}|127\\.0\\.0\\.1`));
  });
});
