import { randomUUID } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AmqpCase } from '../../interop/hostile/case.ts';
import { idOf } from '../../interop/hostile/case.ts';
import { JSON_CASES } from '../../interop/hostile/corpus.ts';
import { endOf } from '../../interop/hostile/judge.ts';
import type { Traces } from '../../interop/hostile/judge.ts';
import { publishCase, takesFromDead } from '../../interop/hostile/send.ts';
import { Celery } from '../../src/celery.ts';
import { createLogger } from '../../src/driver/logger.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { rabbitmq, redis } from '../servers.ts';
import type { Server } from '../servers.ts';

const MODULES: Readonly<Record<string, string>> = {
  TypeError: 'builtins',
  ContentDisallowed: 'kombu.exceptions',
  DecodeError: 'kombu.exceptions',
};

describe('hostile messages', () => {
  let broker: Server;
  let store: Server;
  let app: Celery;
  let worker: Worker;
  let connection: amqp.ChannelModel;
  let channel: amqp.ConfirmChannel;
  const queue = `hostile-${randomUUID()}`;
  const log = join(mkdtempSync(join(tmpdir(), 'tq-hostile-')), 'log');
  let ran = false;

  beforeAll(async () => {
    [broker, store] = await Promise.all([rabbitmq(), redis()]);
    connection = await amqp.connect(broker.url);
    channel = await connection.createConfirmChannel();
    await channel.assertQueue(`${queue}-dead`, { durable: true });
    const queues = [{ name: queue, queue_arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': `${queue}-dead` } }];
    app = new Celery('hostile', { broker_url: broker.url, result_backend: store.url, task_queues: queues, task_default_queue: queue });
    app.setLogger(createLogger({ level: 'info', format: 'text', fd: openSync(log, 'a') }));
    app.task('h.ok', { params: ['x', 'y'] }, () => {
      ran = true;
    });
    app.task('h.probe', () => null);
    worker = app.worker({ concurrency: 2 });
    await worker.start();
  });
  afterAll(async () => {
    await worker?.stop();
    await app?.close();
    for (const name of [queue, `${queue}-dead`]) await channel?.deleteQueue(name);
    await connection?.close();
    await Promise.all([broker?.stop(), store?.stop()]);
  });

  test.each(Object.entries(JSON_CASES))('%s', async (_name, given) => {
    const id = idOf(given, randomUUID());
    await channel.purgeQueue(`${queue}-dead`);
    ran = false;
    truncateSync(log);

    const body = await publishCase(channel, queue, given, id);
    const probe = await app.sendTask('h.probe', [], { queue });
    await probe.get({ timeout: 10 });

    expect(endOf(await traces(given, id, body), given)).toBe(given.ours);
    if (given.ours === 'refused') await expectFailure(given, id);
    expectLines(given);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  /** Dead letters are the broker's own step after our reject, and a failure is stored beside it: ask until all has come. */
  async function traces(given: AmqpCase, id: string, body: Buffer): Promise<Traces> {
    let dead = false;
    for (let tries = 0; ; tries += 1) {
      dead ||= await takesFromDead(channel, `${queue}-dead`, body);
      const state = (await (await app.backend()).getMeta(id))?.status ?? 'PENDING';
      const seen = { crashed: false, answered: true, ran, dead, state };
      if (endOf(seen, given) === given.ours || tries > 500) return seen;
    }
  }

  async function expectFailure({ stores }: AmqpCase, id: string): Promise<void> {
    const excType: string = stores ?? 'InvalidTaskError';
    await expect(app.asyncResult(id).get({ timeout: 5 })).rejects.toMatchObject({
      code: 'ERR_TASK_FAILED',
      excType,
      excModule: MODULES[excType] ?? 'celery.exceptions',
      excMessage: [expect.any(String)],
    });
  }

  /** One line for a message that is turned away, at Celery's level; and no line that a peer could have written or broken. */
  function expectLines(given: AmqpCase): void {
    const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    for (const line of lines) {
      expect(line).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: [A-Z]+\/MainProcess\] [^\p{Cc}\u2028\u2029]+$/u);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096);
    }
    if (given.ours !== 'refused' && given.ours !== 'rejected') return;
    const about = lines.filter((line) => !/ received| succeeded|event loop was blocked/.test(line));
    expect(about).toHaveLength(1);
    const level = given.stores === 'DecodeError' ? 'CRITICAL' : about[0]?.includes('unknown message') === true ? 'WARNING' : 'ERROR';
    expect(about[0]).toContain(`: ${level}/`);
  }
});
