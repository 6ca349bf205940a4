import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';
import { harness } from './harness.ts';

const h = harness();
const local: WorkerOptions = { healthPort: 0, healthHost: '127.0.0.1' };

async function ask({ healthPort }: Worker, path: string): Promise<{ status: number; says: { status: string; reason?: string } }> {
  const response = await fetch(`http://127.0.0.1:${healthPort}${path}`);
  return { status: response.status, says: (await response.json()) as { status: string } };
}

test('a worker that consumes is alive and ready', async () => {
  const worker = await h.start(local);

  expect(await ask(worker, '/healthz')).toEqual({ status: 200, says: { status: 'ok' } });
  expect(await ask(worker, '/readyz')).toEqual({ status: 200, says: { status: 'ok' } });
  expect(h.lines).toContain(`info: Serving /healthz, /readyz, /metrics on port ${worker.healthPort}`);
});

test('a worker without the option serves nothing', async () => {
  expect((await h.start()).healthPort).toBeUndefined();
});

test('one that starts is neither', async () => {
  const opened = Promise.withResolvers<void>();
  h.app.steps.consumer.add({ name: 'slow', start: () => opened.promise }, { before: 'tasks' });
  const worker = h.app.worker(local);
  const started = worker.start();
  await expect.poll(() => worker.healthPort).toBeDefined();

  expect(await ask(worker, '/healthz')).toMatchObject({ status: 503, says: { status: 'starting' } });
  expect(await ask(worker, '/readyz')).toMatchObject({ status: 503, says: { status: 'starting' } });

  opened.resolve();
  await started;
  expect((await ask(worker, '/readyz')).status).toBe(200);
  await worker.stop();
});

test('one that stops is left alone while it finishes, and gets nothing new', async () => {
  const ends = Promise.withResolvers<void>();
  h.app.task('long', () => ends.promise);
  const worker = await h.start(local);
  await h.app.sendTask('long');
  await expect.poll(() => worker.running).toBe(1);

  const stopped = worker.stop();

  expect(await ask(worker, '/healthz')).toMatchObject({ status: 200, says: { status: 'stopping' } });
  expect(await ask(worker, '/readyz')).toMatchObject({ status: 503, says: { status: 'stopping' } });
  const { healthPort } = worker;
  ends.resolve();
  await stopped;
  await expect(fetch(`http://127.0.0.1:${healthPort}/healthz`)).rejects.toThrow('fetch failed');
});

test('one whose queues were all cancelled does not consume, until it is given one', async () => {
  const worker = await h.start(local);
  const [queue] = worker.queues;
  await worker.cancelQueue('celery');

  expect(await ask(worker, '/healthz')).toMatchObject({ status: 503, says: { status: 'unsubscribed' } });
  expect(await ask(worker, '/readyz')).toMatchObject({ status: 503, says: { status: 'unsubscribed' } });

  if (queue !== undefined) await worker.addQueue(queue);
  expect((await ask(worker, '/healthz')).status).toBe(200);
});

test('a port that is in use keeps the worker from starting', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo;

  await expect(h.start({ ...local, healthPort: port })).rejects.toThrow(`cannot listen on port ${port} of 127.0.0.1`);
  other.close();
});

test.each([-1, 1.5, 65_536, Number.NaN])('%d is no port', (healthPort) => {
  expect(() => h.app.worker({ healthPort })).toThrow(RangeError);
});
