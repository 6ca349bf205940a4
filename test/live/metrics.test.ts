/** Flower, as pip installs it, listens to a worker of ours; what it prints for Prometheus is what the worker prints itself. */

import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { freePort } from '../servers/ports.ts';
import { pythonVenv, rabbitmq, spawnReady } from '../servers.ts';
import type { Child, Server } from '../servers.ts';

const hostname = 'measured@host';
let broker: Server;
let flower: Child;
let flowerPort: number;
let app: Celery;
let worker: Worker;
const held = Promise.withResolvers<void>();

beforeAll(async () => {
  broker = await rabbitmq();
  flowerPort = await freePort();
  const { celery } = await pythonVenv('flower');
  flower = await spawnReady(celery, {
    args: ['-b', broker.url, 'flower', `--port=${flowerPort}`, '--address=127.0.0.1'],
    cwd: tmpdir(),
    env: { ...process.env, PYTHONUNBUFFERED: '1' },
    readyText: /Visit me at/,
  });
  app = new Celery('measured', { broker_url: broker.url, task_default_queue: `metrics-${randomUUID()}`, task_ignore_result: true });
  app.task('ours.add', (x: number, y: number) => x + y);
  app.task('ours."odd"\\name', () => 1);
  app.task('ours.fail', () => {
    throw new TypeError('no');
  });
  app.task('ours.again', { maxRetries: 1 }, async function () {
    throw await this.retry({ countdown: 0, error: new TypeError('later') });
  });
  app.task('ours.hold', () => held.promise);
  worker = app.worker({ taskEvents: true, hostname, concurrency: 2, heartbeatInterval: 1, metricsPort: 0, healthHost: '127.0.0.1' });
  await worker.start();
});
afterAll(async () => {
  held.resolve();
  await worker?.stop();
  await app?.close();
  await flower?.stop('SIGKILL');
  await broker?.stop();
});

/** The lines about tasks and workers; `_created` is a gauge beside each that tells only when it was first seen. */
async function exposed(port: number | undefined): Promise<string[]> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => /^(# \w+ )?flower_/.test(line) && !/_created\b/.test(line))
    .toSorted();
}

const nameOf = (line: string): string => (line.startsWith('#') ? line : line.slice(0, line.lastIndexOf(' ')));
const exact = (line: string): boolean => line.startsWith('#') || !/_(sum|bucket)\b|_prefetch_time_/.test(line);

test('are the lines that Flower prints for the same tasks', async () => {
  // Flower has heard of the worker, and so hears of its tasks.
  await expect
    .poll(() => exposed(flowerPort), { timeout: 30_000, interval: 250 })
    .toContain(`flower_worker_online{worker="${hostname}"} 1.0`);
  await app.sendTask('ours.add', [1, 2]);
  await app.sendTask('ours."odd"\\name');
  await app.sendTask('ours.fail');
  await app.sendTask('ours.again');
  await app.sendTask('ours.add', [1, 2], { expires: new Date(0) });
  for (let index = 0; index < 4; index += 1) await app.sendTask('ours.hold');
  await app.sendTask('ours.add', [3, 4], { countdown: 3600 });

  // Two of four run, and one heartbeat later Flower knows that too.
  await expect
    .poll(() => exposed(flowerPort), { timeout: 30_000, interval: 250 })
    .toEqual(
      expect.arrayContaining([
        `flower_worker_number_of_currently_executing_tasks{worker="${hostname}"} 2.0`,
        `flower_worker_prefetched_tasks{task="ours.hold",worker="${hostname}"} 2.0`,
        `flower_events_total{task="ours.add",type="task-received",worker="${hostname}"} 3.0`,
      ]),
    );
  const ours = await exposed(worker.metricsPort);
  const theirs = await exposed(flowerPort);

  expect(ours.map(nameOf)).toEqual(theirs.map(nameOf));
  expect(ours.filter(exact)).toEqual(theirs.filter(exact));
});
