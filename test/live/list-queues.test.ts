import { afterAll, beforeAll, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { tq } from '../cli/tq.ts';
import { rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

interface Counts {
  readonly messages: number;
  readonly consumers: number;
}

test('list queues says how many consume each, where the broker does', async () => {
  await using app = new Celery('list', { broker_url: server.url });
  const args = ['-b', server.url, 'list', 'queues'];
  const counted = (): Counts | undefined => (JSON.parse(tq([...args, '--json']).out) as readonly Counts[])[0];
  // Makes the queue, where it is not there yet; the worker throws the message away.
  await app.sendTask('nobody', [], { ignoreResult: true });
  const before = counted();

  await using worker = app.worker();
  await worker.start();

  const consumers = (before?.consumers ?? 0) + 1;
  expect(before?.messages).toBeGreaterThan(0);
  expect(counted()?.consumers).toBe(consumers);
  expect(tq(args).out).toMatch(new RegExp(`^Queue +Messages +Consumers\\n[- ]+\\ncelery +\\d+ +${consumers}\\n$`));
});
