import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { spawnReady } from '../servers.ts';
import type { Child } from '../servers.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const index = new URL('../../src/index.ts', import.meta.url).href;

/** A worker with one task that never ends by itself, late-acked, and how many messages are in its queue. */
async function busyWorker(
  settings: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, string>> = {},
  code = '',
): Promise<{ worker: Child; waiting: () => number }> {
  const folder = mkdtempSync(join(tmpdir(), 'tq-ladder-'));
  const options = { data_folder_in: join(folder, 'd'), data_folder_out: join(folder, 'd'), control_folder: join(folder, 'c') };
  const all = { broker_url: 'filesystem://', broker_transport_options: options, ...settings };
  const endless = `app.task('endless', { acksLate: true }, () => new Promise(() => console.error('it runs')));`;
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { Celery } from '${index}';\nexport const app = new Celery('proj', ${JSON.stringify(all)});\n${endless}\n${code}`,
  );
  await using client = new Celery('client', all);
  await client.sendTask('endless');
  const { CELERY_BROKER_URL: _broker, CELERY_RESULT_BACKEND: _backend, CELERY_APP: _app, ...env } = process.env;
  const worker = await spawnReady(process.execPath, {
    args: [main, '-A', 'app', 'worker', '-l', 'INFO'],
    cwd: folder,
    env: { ...env, ...more },
    readyText: /ready\./,
  });
  await worker.until((output) => output.includes('it runs'));
  return { worker, waiting: () => readdirSync(join(folder, 'd')).filter((name) => name.endsWith('.msg')).length };
}

/** Sends a signal and waits for what it makes the worker say. */
async function signal(worker: Child, name: NodeJS.Signals, answer: string): Promise<void> {
  process.kill(worker.pid, name);
  await worker.until((output) => output.includes(answer));
}

describe('the ladder of signals', { timeout: 20_000 }, () => {
  test('INT is warm, then cold: the late-acked message is back in its queue, and the exit code is 1', async () => {
    const { worker, waiting } = await busyWorker();

    await signal(worker, 'SIGINT', 'Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!');
    await worker.until((output) => output.includes('worker: Warm shutdown (MainProcess)'));
    await signal(worker, 'SIGINT', 'worker: Cold shutdown (MainProcess)');

    expect(await worker.exitCode).toBe(1);
    expect(waiting()).toBe(1);
  });

  test('TERM says the same however often it comes, and QUIT then ends it coldly with exit code 0', async () => {
    const { worker, waiting } = await busyWorker();

    for (const times of [1, 2, 3]) {
      process.kill(worker.pid, 'SIGTERM');
      await worker.until((output) => output.split('Warm shutdown').length > times);
    }
    expect(worker.output()).not.toContain('Cold');
    process.kill(worker.pid, 'SIGQUIT');

    expect(await worker.exitCode).toBe(0);
    expect(waiting()).toBe(1);
  });

  test('REMAP_SIGTERM=SIGQUIT makes TERM cold', async () => {
    const { worker, waiting } = await busyWorker({}, { REMAP_SIGTERM: 'SIGQUIT' });

    await signal(worker, 'SIGTERM', 'worker: Cold shutdown (MainProcess)');

    expect(await worker.exitCode).toBe(0);
    expect(waiting()).toBe(1);
  });

  test('in the soft wait, the next INT ends the wait', async () => {
    const { worker, waiting } = await busyWorker({ worker_soft_shutdown_timeout: 600 });

    await signal(worker, 'SIGQUIT', 'Initiating Soft Shutdown, terminating in 600 seconds');
    await signal(worker, 'SIGINT', 'Waiting gracefully for cold shutdown to complete...');

    expect(await worker.exitCode).toBe(0);
    expect(waiting()).toBe(1);
  });

  test('a step that does not stop is said, and the exit code is that of a failure', async () => {
    const stuck = `app.steps.worker.add({ name: 'stuck', start() {}, stop: () => Promise.reject(new Error('stuck by hand')) });`;
    const { worker } = await busyWorker({}, {}, stuck);

    process.kill(worker.pid, 'SIGQUIT');

    expect(await worker.exitCode).toBe(1);
    expect(worker.output()).toContain('stuck by hand');
  });

  test('TERM after HUP ends a worker that would have started anew', async () => {
    const { worker } = await busyWorker();

    await signal(worker, 'SIGHUP', 'Restarting tq-bridge worker');
    await signal(worker, 'SIGTERM', 'worker: Warm shutdown (MainProcess)');
    process.kill(worker.pid, 'SIGQUIT');

    expect(await worker.exitCode).toBe(0);
    expect(worker.output().split('ready.')).toHaveLength(2);
  });

  test('TERM says the same while the last messages go out', async () => {
    const closing = `const close = app.close.bind(app);
const last = Promise.withResolvers();
app.close = async () => { console.error('it closes'); process.once('SIGTERM', last.resolve); await last.promise; await close(); };`;
    const { worker } = await busyWorker({}, {}, closing);

    await signal(worker, 'SIGQUIT', 'it closes');
    process.kill(worker.pid, 'SIGTERM');

    expect(await worker.exitCode).toBe(0);
  });
});
