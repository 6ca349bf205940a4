import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { Celery } from '../../src/celery.ts';
import { nodeQueue } from '../../src/control/topology.ts';
import { mailboxSettings } from '../../src/app/mailbox.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { transportOptions } from '../conformance/transport.ts';
import { rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

/** An app whose control exchange nobody else hears. */
function appOf(settings: Readonly<Record<string, unknown>> = {}): Celery {
  const name = `c-${randomUUID()}`;
  return new Celery('control', { broker_url: server.url, task_default_queue: name, control_exchange: name, ...settings });
}

async function started(app: Celery, hostname: string): Promise<Worker> {
  const worker = app.worker({ hostname });
  await worker.start();
  return worker;
}

/** Runs our command line beside this process. */
async function tq(...words: string[]): Promise<{ code: unknown; out: string; seconds: number }> {
  const began = performance.now();
  const child = spawn(process.execPath, [main, '-b', server.url, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, out, seconds: (performance.now() - began) / 1000 };
}

describe('remote control on RabbitMQ', () => {
  test.each([true, false])('every node answers; control_queue_exclusive %s', async (exclusive) => {
    await using app = appOf({ control_queue_exclusive: exclusive });
    await using _one = await started(app, 'one@x');
    await using _two = await started(app, 'two@x');

    const replies = await app.control.ping({ limit: 2, timeout: 10 });

    expect(new Set(replies.flatMap((reply) => Object.keys(reply)))).toEqual(new Set(['one@x', 'two@x']));
    expect(await app.control.inspect({ destination: ['two@x'], timeout: 10 }).ping()).toEqual({ 'two@x': { ok: 'pong' } });
  });

  test('a mailbox that another connection holds is waited for', async () => {
    await using app = appOf();
    const holder = await amqpTransport.connect(parseBrokerUrl(server.url), transportOptions());
    await (await holder.openChannel()).declareQueue(nodeQueue('held@x', mailboxSettings(app.settings)));
    const lines: string[] = [];
    const noted = Promise.withResolvers<void>();
    app.setLogger({
      ...app.logger,
      warning: (text) => {
        lines.push(text);
        noted.resolve();
      },
    });
    await using worker = await started(app, 'held@x');
    await noted.promise;
    expect(lines[0]).toContain('the mailbox of held@x is held by another connection');
    expect(worker.taskPool?.size).toBeGreaterThan(0);

    await holder.close();

    await expect.poll(async () => (await app.control.ping({ limit: 1, timeout: 1 })).length, { timeout: 20_000 }).toBe(1);
  });

  test('the mailbox is there again after it was deleted', async () => {
    await using app = appOf({ control_queue_exclusive: false });
    await using _worker = await started(app, 'gone@x');
    const other = await amqpTransport.connect(parseBrokerUrl(server.url), transportOptions());
    const channel = await other.openChannel();

    await channel.deleteQueue(nodeQueue('gone@x', mailboxSettings(app.settings)).name);

    await expect.poll(async () => (await app.control.ping({ limit: 1, timeout: 1 })).length, { timeout: 20_000 }).toBe(1);
    await other.close();
  });

  test('a queue that may not be consumed is refused, and takes no running task with it', async () => {
    await using app = appOf();
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    app.task('held', { acksLate: true, ignoreResult: true }, async () => {
      runs += 1;
      await gate.promise;
    });
    await using worker = await started(app, 'refused@x');
    await app.sendTask('held');
    await expect.poll(() => runs).toBe(1);
    const taken = `taken-${randomUUID()}`;
    const connection = await amqp.connect(server.url);
    const channel = await connection.createChannel();
    await channel.assertQueue(taken);
    await channel.assertExchange(taken, 'direct');
    await channel.consume(taken, () => undefined, { exclusive: true });

    const refused = await app.control.addConsumer(taken, { reply: true, limit: 1, timeout: 10 });

    expect(refused).toEqual([{ 'refused@x': { error: expect.stringContaining('403') } }]);
    expect(worker.queues.map(({ name }) => name)).toEqual([app.settings.task_default_queue]);
    gate.resolve();
    await expect.poll(() => worker.running).toBe(0);
    expect(runs).toBe(1);
    await connection.close();
  });

  test('1,000,000 ids to revoke are bounded, and ping is answered', async () => {
    await using app = appOf();
    await using worker = await started(app, 'many@x');

    await app.control.revoke(Array.from({ length: 1_000_000 }, (_item, index) => `id-${index}`));

    expect(await app.control.ping({ limit: 1, timeout: 20 })).toHaveLength(1);
    expect(worker.state.revoked.ids.size).toBe(50_000);
    expect(worker.state.revoked.ids.has('id-999999')).toBe(true);
  });

  test('the command line shows what nodes say, and returns as soon as enough have answered', async () => {
    await using app = appOf({ control_exchange: 'celery' });
    await using _one = await started(app, 'cli1@x');
    await using _two = await started(app, 'cli2@x');

    const status = await tq('status', '--expect', '2', '-t', '30');
    const json = await tq('inspect', 'ping', '--json', '-d', 'cli1@x', '-t', '30');
    const control = await tq('control', 'pool_grow', '3', '-d', 'cli2@x', '-t', '30');
    const few = await tq('inspect', 'clock', '-d', 'cli2@x,nobody@x', '--expect', '2', '-t', '0.5');

    expect(status.code).toBe(0);
    expect(status.out).toContain('->  cli1@x: OK\n');
    expect(status.out).toContain('\n2 nodes online.\n');
    expect(status.seconds).toBeLessThan(25);
    expect(JSON.parse(json.out)).toEqual({ 'cli1@x': { ok: 'pong' } });
    expect(control).toMatchObject({ code: 0, out: '->  cli2@x: OK\n        pool will grow\n' });
    expect(few.code).toBe(69);
  });
});
