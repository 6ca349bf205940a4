import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { tq } from '../cli/tq.ts';
import { rabbitmq, redis } from '../servers.ts';
import type { Server } from '../servers.ts';

let broker: Server;
let store: Server;
beforeAll(async () => {
  [broker, store] = await Promise.all([rabbitmq(), redis()]);
});
afterAll(async () => {
  await Promise.all([broker?.stop(), store?.stop()]);
});

test('decode shows the head of a RabbitMQ queue, and leaves it there', async () => {
  const queue = `decode-${randomUUID()}`;
  await using app = new Celery('decode', { broker_url: broker.url, task_default_queue: queue });
  for (const taskId of ['first', 'second']) await app.sendTask('t', [2n ** 70n], { taskId });

  const { code, out } = tq(['-b', broker.url, 'decode', '--queue', queue, '-j']);

  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ form: 'amqp', routing_key: queue, id: 'first', python: { '5.7': { ending: 'runs' } } });
  const channel = await (await app.openLink().open()).openChannel();
  expect(await channel.size(queue)).toBe(2);
  expect((await channel.get(queue))?.message.headers['id']).toBe('first');
  await channel.deleteQueue(queue);
});

test('decode --queue of a queue that does not exist says so', () => {
  const { code, err } = tq(['-b', broker.url, 'decode', '--queue', `none-${randomUUID()}`]);

  expect(code).toBe(1);
  expect(err).toContain('NOT_FOUND');
});

test('decode shows a result that is stored in Redis, as it is stored', async () => {
  const id = randomUUID();
  await using app = new Celery('decode', { broker_url: broker.url, result_backend: store.url });
  const backend = await app.backend();
  const meta = { task_id: id, status: 'SUCCESS', result: 3, traceback: null, children: [], date_done: null };
  await backend.storeResult(meta, { replyTo: undefined, correlationId: undefined });

  const { code, out } = tq(['--result-backend', store.url, 'decode', '--result', id, '-j']);

  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    form: 'result',
    result: { status: 'SUCCESS', result: 3 },
    tq_bridge: 'resolves with the result',
  });
});
