import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import type { Logger } from '../../src/base/logger.ts';
import { Celery } from '../../src/celery.ts';
import { rabbitmqBinary, startRabbitmq } from '../servers/rabbitmq.ts';
import { gatekeeper, spawnReady } from '../servers.ts';
import type { Server } from '../servers.ts';

const root = new URL('../..', import.meta.url).pathname;
const binary = await rabbitmqBinary();

/** Lines of a log, and a way to wait for one. */
function logbook(): { readonly logger: Logger; readonly lines: string[]; until(text: string): Promise<string> } {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const write = (line: string): void => {
    lines.push(line);
    for (const check of waiting) check();
  };
  const logger = { ...silentLogger, info: write, warning: write, error: write, critical: write, isEnabled: () => true };
  const until = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const check = (): void => {
        const found = lines.find((line) => line.includes(text));
        if (found !== undefined) resolve(found);
      };
      waiting.add(check);
      check();
    });
  return { logger, lines, until };
}

// A node whose patience with unacknowledged messages is two seconds: it has to be our own.
describe.skipIf(binary === undefined)('a broker that turns on its worker', () => {
  let server: Server;
  let connection: amqp.ChannelModel;
  let queue: string;
  beforeAll(async () => {
    server = await startRabbitmq(binary ?? '', { config: 'consumer_timeout = 2000', erlangArgs: '-rabbit channel_tick_interval 500' });
    connection = await amqp.connect(server.url);
  });
  afterAll(async () => {
    await connection?.close();
    await server?.stop();
  });

  const makeApp = (): Celery => {
    queue = `fault-${randomUUID()}`;
    return new Celery('faults', { broker_url: server.url, result_backend: 'rpc://', task_default_queue: queue });
  };

  test('an acknowledgement that comes too late costs the channel, not the worker', async () => {
    await using app = makeApp();
    const book = logbook();
    app.setLogger(book.logger);
    const firstEnds = Promise.withResolvers<void>();
    let runs = 0;
    app.task('late', { acksLate: true }, async () => {
      runs += 1;
      if (runs === 1) await firstEnds.promise;
      return runs;
    });
    app.task('quick', () => 'quick');
    await using worker = app.worker();
    await worker.start();

    const late = await app.sendTask('late');
    const held = await app.sendTask('quick', [], { countdown: 1000 });
    const line = await book.until('The broker closed the channel');
    await book.until('connected again');
    expect(line).toContain('timed out');
    expect(line).toContain(late.id);
    expect(line).toContain(held.id);
    expect(await late.get({ timeout: 10 })).toBe(2);
    firstEnds.resolve();
    await book.until(`The message of task ${late.id} could not be acked and will be delivered again`);

    expect(await (await app.sendTask('quick')).get({ timeout: 10 })).toBe('quick');
    expect(book.lines.filter((text) => text.includes('unknown delivery tag'))).toEqual([]);
  });

  test('a queue deleted under its consumer is declared again', async () => {
    await using app = makeApp();
    const book = logbook();
    app.setLogger(book.logger);
    app.task('quick', () => 'quick');
    await using worker = app.worker();
    await worker.start();

    const channel = await connection.createChannel();
    await channel.deleteQueue(queue);
    await book.until('connected again');

    expect(await (await app.sendTask('quick')).get({ timeout: 10 })).toBe('quick');
    expect(book.lines.filter((line) => line.includes(`cancelled the consumer of ${queue}`))).toHaveLength(1);
  });

  const worker = (env: NodeJS.ProcessEnv): ReturnType<typeof spawnReady> =>
    spawnReady(process.execPath, {
      args: [`${root}dist/cli/main.js`, '-A', `${root}test/fixtures/tasks.ts`, 'worker', '-l', 'INFO'],
      env: { ...process.env, ...env },
      readyText: /\[tasks\]/,
    });

  test('a queue that exists otherwise ends the start, naming both values', async () => {
    const name = `conflict-${randomUUID()}`;
    const channel = await connection.createChannel();
    await channel.assertQueue(name, { durable: false });

    await using child = await worker({ CELERY_BROKER_URL: server.url, FIXTURE_QUEUE: name });

    expect(await child.exitCode).toBe(1);
    const lines = child
      .output()
      .split('\n')
      .filter((line) => line.includes('inequivalent'));
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`inequivalent arg 'durable' for queue '${name}'.*received 'true' but current is 'false'`)),
    ]);
  });

  test('TERM ends a worker that has not found its broker yet', async () => {
    await using child = await worker({ CELERY_BROKER_URL: 'amqp://u:s3cret@127.0.0.1:1//' });
    await child.until((output) => output.includes('Trying again in'));

    const before = performance.now();
    process.kill(child.pid, 'SIGTERM');

    expect(await child.exitCode).toBe(0);
    expect(performance.now() - before).toBeLessThan(5000);
    expect(child.output()).not.toContain('s3cret');
  });

  test('TERM ends a worker whose broker is frozen', async () => {
    await using gate = await gatekeeper(server.url);
    await using child = await worker({ CELERY_BROKER_URL: gate.url, FIXTURE_QUEUE: `frozen-${randomUUID()}` });
    await child.until((output) => output.includes('ready.'));
    gate.freeze();

    const before = performance.now();
    process.kill(child.pid, 'SIGTERM');

    expect(await child.exitCode).toBe(0);
    expect(performance.now() - before).toBeLessThan(12_000);
  });
});
