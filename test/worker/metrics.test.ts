import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Reject } from '../../src/app/exceptions.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { freePort } from '../servers/ports.ts';
import { harness } from './harness.ts';

const h = harness();
const local = { healthPort: 0, healthHost: '127.0.0.1', hostname: 'w@h' };

/** The series of a page by their name and labels. */
async function scrape(worker: Worker): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${worker.metricsPort}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

const events = (type: string, task: string): string => `flower_events_total{task="${task}",type="${type}",worker="w@h"}`;
const waiting = (task: string): string => `flower_worker_prefetched_tasks{task="${task}",worker="w@h"}`;

test('tasks are counted by what becomes of them', async () => {
  h.app.task('add', async (x: number, y: number) => {
    await delay(6);
    return x + y;
  });
  h.app.task('fails', () => {
    throw new TypeError('no');
  });
  h.app.task('again', { maxRetries: 1 }, async function () {
    throw await this.retry({ countdown: 0, error: new TypeError('later') });
  });
  h.app.task('refused', { acksLate: true }, () => {
    throw new Reject('no', { requeue: false });
  });
  const worker = await h.start(local);
  await h.run('add', [1, 2]);
  for (const name of ['fails', 'again', 'refused']) await h.run(name).catch(() => undefined);
  await expect.poll(async () => (await scrape(worker)).get(events('task-rejected', 'refused'))).toBe(1);

  const series = await scrape(worker);
  expect(Object.fromEntries([...series].filter(([name]) => name.startsWith('flower_events_total')))).toEqual({
    [events('task-received', 'add')]: 1,
    [events('task-started', 'add')]: 1,
    [events('task-succeeded', 'add')]: 1,
    [events('task-received', 'fails')]: 1,
    [events('task-started', 'fails')]: 1,
    [events('task-failed', 'fails')]: 1,
    [events('task-received', 'again')]: 2,
    [events('task-started', 'again')]: 2,
    [events('task-retried', 'again')]: 1,
    [events('task-failed', 'again')]: 1,
    [events('task-received', 'refused')]: 1,
    [events('task-started', 'refused')]: 1,
    [events('task-failed', 'refused')]: 1,
    [events('task-rejected', 'refused')]: 1,
  });
  expect(series.get('flower_task_runtime_seconds_count{task="add",worker="w@h"}')).toBe(1);
  expect(series.get('flower_task_runtime_seconds_bucket{le="0.005",task="add",worker="w@h"}')).toBe(0);
  expect(series.get('flower_task_runtime_seconds_bucket{le="10.0",task="add",worker="w@h"}')).toBe(1);
  expect(series.get('flower_task_runtime_seconds_sum{task="add",worker="w@h"}')).toBeGreaterThan(0.005);
  expect(series.get('flower_task_prefetch_time_seconds{task="add",worker="w@h"}')).toBe(0);
  expect(series.has('flower_task_runtime_seconds_count{task="fails",worker="w@h"}')).toBe(false);
});

test('what waits for a slot is a gauge, what waits for its time is not in it, and what goes back leaves it', async () => {
  const ends = Promise.withResolvers<void>();
  h.app.task('hold', () => ends.promise);
  const worker = await h.start({ ...local, concurrency: 1, prefetchMultiplier: 4 });
  const sent = [];
  for (let index = 0; index < 3; index += 1) sent.push(await h.app.sendTask('hold'));
  await h.app.sendTask('hold', [], { countdown: 3600 });
  await expect.poll(async () => (await scrape(worker)).get(events('task-received', 'hold'))).toBe(4);

  const series = await scrape(worker);
  expect(series.get(waiting('hold'))).toBe(2);
  expect(series.get('flower_worker_number_of_currently_executing_tasks{worker="w@h"}')).toBe(1);
  expect(series.get('flower_worker_online{worker="w@h"}')).toBe(1);

  const stopped = worker.stop();
  await expect.poll(async () => (await scrape(worker)).get(waiting('hold'))).toBe(0);
  ends.resolve();
  await stopped;
});

test('a waiting task that is revoked leaves the gauge', async () => {
  const ends = Promise.withResolvers<void>();
  h.app.task('hold', () => ends.promise);
  const worker = await h.start({ ...local, concurrency: 1 });
  await h.app.sendTask('hold');
  const second = await h.app.sendTask('hold');
  await expect.poll(async () => (await scrape(worker)).get(waiting('hold'))).toBe(1);

  await h.app.control.revoke(second.id);
  await expect.poll(() => worker.state.revoked.ids.has(second.id)).toBe(true);
  ends.resolve();

  await expect.poll(async () => (await scrape(worker)).get(events('task-revoked', 'hold'))).toBe(1);
  expect((await scrape(worker)).get(waiting('hold'))).toBe(0);
});

test('names that strangers send are no labels', async () => {
  h.app.task('known', () => 1);
  const worker = await h.start(local);
  await h.run('known');
  for (let index = 0; index < 200; index += 1) await h.app.sendTask(`stranger-${index}`, [], { ignoreResult: true });

  await expect.poll(async () => (await scrape(worker)).get(events('task-failed', ''))).toBe(200);
  expect([...(await scrape(worker)).keys()].filter((name) => name.includes('stranger'))).toEqual([]);
});

test('with a port of their own metrics are there, and not on the other', async () => {
  const worker = await h.start({ ...local, metricsPort: await freePort() });
  const status = async (port: number | undefined, path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;

  expect(worker.metricsPort).not.toBe(worker.healthPort);
  expect(await status(worker.metricsPort, '/metrics')).toBe(200);
  expect(await status(worker.healthPort, '/metrics')).toBe(404);
  expect(await status(worker.metricsPort, '/healthz')).toBe(404);
  expect(await status(worker.healthPort, '/healthz')).toBe(200);
});

test('metrics alone need no health port', async () => {
  const worker = await h.start({ metricsPort: 0, healthHost: '127.0.0.1' });

  expect(worker.healthPort).toBeUndefined();
  const response = await fetch(`http://127.0.0.1:${worker.metricsPort}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
});

test('what is no port is refused', () => {
  expect(() => h.app.worker({ metricsPort: -1 })).toThrow('metricsPort must be a port');
});
