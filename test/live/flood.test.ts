import { randomUUID } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import amqp from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { createLogger } from '../../src/driver/logger.ts';
import { malformed, malformedKinds } from '../fixtures/malformed.ts';
import { rabbitmq, redis } from '../servers.ts';
import type { Server } from '../servers.ts';

const PAIRS = 2000;

let broker: Server;
let store: Server;
beforeAll(async () => {
  [broker, store] = await Promise.all([rabbitmq(), redis()]);
});
afterAll(async () => {
  await Promise.all([broker?.stop(), store?.stop()]);
});

test('2000 messages that never can run, mixed with as many good ones: all of those run, in few lines', async () => {
  const queue = `flood-${randomUUID()}`;
  const log = join(mkdtempSync(join(tmpdir(), 'tq-flood-')), 'log');
  await using app = new Celery('flood', { broker_url: broker.url, result_backend: store.url, task_default_queue: queue });
  app.setLogger(createLogger({ level: 'warning', format: 'text', fd: openSync(log, 'a') }));
  app.task('flood.ok', { params: ['index'] }, (index: number) => index);
  let rejected = 0;
  app.signals.on('task_rejected', () => void (rejected += 1));
  app.signals.on('task_unknown', () => void (rejected += 1));
  const worker = app.worker({ concurrency: 20 });
  await worker.start();
  const connection = await amqp.connect(broker.url);
  const channel = await connection.createConfirmChannel();

  const sends = Array.from({ length: PAIRS }, (_item, index) => {
    const { body, headers, contentType = 'application/json' } = malformed(index, `${queue}-${index}`);
    channel.sendToQueue(queue, body, { headers, contentType, contentEncoding: 'utf-8' });
    return app.sendTask('flood.ok', [index]);
  });
  const results = await Promise.all(sends);

  expect(await Promise.all(results.map((result) => result.get({ timeout: 30 })))).toEqual(results.map((_result, index) => index));
  await expect.poll(() => rejected, { timeout: 10_000 }).toBe(PAIRS);
  for (let kind = 0; kind < malformedKinds; kind += 1) {
    const { headers } = malformed(kind, `${queue}-${kind}`);
    if (headers['id'] !== `${queue}-${kind}`) continue;
    await expect(app.asyncResult(`${queue}-${kind}`).get({ timeout: 10 })).rejects.toMatchObject({ code: 'ERR_TASK_FAILED' });
  }
  await worker.stop();
  expect((await channel.checkQueue(queue)).messageCount).toBe(0);
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  const withheld = lines.map((line) => Number(/\] (\d+) more messages that /.exec(line)?.[1] ?? 0));
  expect(lines.length).toBeLessThan(PAIRS);
  expect(withheld.filter((count) => count === 0).length + withheld.reduce((sum, count) => sum + count, 0)).toBe(PAIRS);
  await channel.deleteQueue(queue);
  await connection.close();
});
