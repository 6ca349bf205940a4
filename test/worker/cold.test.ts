import { describe, expect, test } from 'vitest';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';
import { harness } from './harness.ts';
import type { Harness } from './harness.ts';

/** Starts a worker with one running task that never ends by itself. */
async function busy(h: Harness, options: object = {}, workerOptions: WorkerOptions = {}): Promise<{ worker: Worker; signal: AbortSignal }> {
  const started = Promise.withResolvers<AbortSignal>();
  h.app.task('endless', options, function endless() {
    started.resolve(this.signal);
    return new Promise(() => undefined);
  });
  const worker = await h.start(workerOptions);
  return { worker, signal: await started.promise };
}

describe('a cold shutdown', () => {
  const h = harness();

  test.each(['async', 'solo'] as const)('puts late-acked messages back, and aborts what runs: %s', async (pool) => {
    const sent = await h.app.sendTask('endless');
    const { worker, signal } = await busy(h, { acksLate: true }, { pool });

    await worker.terminate();

    expect(signal.aborted).toBe(true);
    expect(worker.running).toBe(0);
    const delivery = await h.next('celery');
    expect(delivery.info.redelivered).toBe(true);
    expect(delivery.message.headers['id']).toBe(sent.id);
    expect(await sent.state()).toBe('PENDING');
    expect(h.lines).toContain(`warning: Task endless[${sent.id}] was abandoned by the stopping worker; its message goes back to the queue`);
  });

  test('a task whose message was acked before has failed for good, and what follows it hears of that', async () => {
    const sent = await h.app.sendTask('endless');
    const { worker } = await busy(h);

    await worker.terminate();

    await expect(sent.get({ timeout: 5 })).rejects.toMatchObject({
      excType: 'WorkerLostError',
      excModule: 'billiard.exceptions',
      excMessage: ['The worker was stopped before the task ended.'],
    });
    expect(h.lines.at(-1)).toContain('its message was acked before: it is lost');
  });

  test('code that goes on afterwards reaches no other run, and ends nothing', async () => {
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const refused: unknown[] = [];
    const failures: unknown[] = [];
    const over = new Promise<{ readonly state: string }>((resolve) => h.app.signals.on('task_postrun', resolve));
    h.app.signals.on('task_failure', ({ exception }) => void failures.push(exception));
    h.app.task('haunting', { autoretryFor: [Error], defaultRetryDelay: 0 }, async function haunting() {
      started.resolve();
      await gate.promise;
      void this.updateState('PROGRESS');
      refused.push(await this.retry().catch((error: unknown) => error));
      throw new Error('so that it is retried');
    });
    const sent = await h.app.sendTask('haunting');
    const worker = await h.start();
    await started.promise;

    await worker.terminate();
    gate.resolve();

    expect((await over).state).toBe('IGNORED');
    expect(refused).toEqual([expect.objectContaining({ name: 'Abandoned' })]);
    expect(await sent.state()).toBe('FAILURE');
    expect(failures).toEqual([expect.objectContaining({ name: 'WorkerLostError' })]);
    expect(await (await h.broker()).size('celery')).toBe(0);
  });

  test('gives back what has not started, and does not get it again', async () => {
    await Promise.all(Array.from({ length: 5 }, () => h.app.sendTask('endless')));
    await Promise.all(Array.from({ length: 5 }, () => h.app.sendTask('endless', [], { countdown: 1000 })));
    const { worker } = await busy(h, { acksLate: true }, { concurrency: 1, prefetchMultiplier: 20 });

    await worker.terminate();

    expect(await (await h.broker()).size('celery')).toBe(10);
  });

  test('ends a warm one that waits', async () => {
    const { worker } = await (h.app.sendTask('endless'), busy(h));
    const stopped = worker.stop();

    await worker.terminate();

    await stopped;
    await worker.done;
  });

  test('says so once for each way down', async () => {
    const said: unknown[] = [];
    h.app.signals.on('worker_shutting_down', ({ sig, how, exitCode }) => void said.push({ sig, how, exitCode }));
    const { worker } = await (h.app.sendTask('endless'), busy(h));

    void worker.stop({ sig: 'SIGTERM' });
    void worker.stop({ sig: 'SIGTERM' });
    await worker.terminate({ sig: 'SIGQUIT', exitCode: 1 });

    expect(said).toEqual([
      { sig: 'SIGTERM', how: 'Warm', exitCode: 0 },
      { sig: 'SIGQUIT', how: 'Cold', exitCode: 1 },
    ]);
  });
});

describe('a soft shutdown', () => {
  const h = harness({ worker_soft_shutdown_timeout: 60 });

  test('lets tasks end that end in time, and waits no longer than for them', async () => {
    const gate = Promise.withResolvers<void>();
    h.app.task('short', { acksLate: true }, () => gate.promise.then(() => 'done'));
    const sent = await h.app.sendTask('short');
    const worker = await h.start();
    const started = Promise.withResolvers<void>();
    worker.state.observe({ started: () => started.resolve() });
    if (worker.running === 0) await started.promise;

    const ended = worker.terminate();
    gate.resolve();
    await ended;

    expect(await sent.get({ timeout: 5 })).toBe('done');
    expect(h.lines).toContain('warning: Initiating Soft Shutdown, terminating in 60 seconds');
  });

  test('with nothing running there is none', async () => {
    const worker = await h.start();

    await worker.terminate();

    expect(h.lines.join()).not.toContain('Soft');
  });

  test('a second call ends the wait', async () => {
    const sent = await h.app.sendTask('endless');
    const { worker } = await busy(h);

    void worker.terminate();
    await worker.terminate();

    expect(await sent.state()).toBe('FAILURE');
  });
});

describe('a soft shutdown of a fifth of a second', () => {
  const h = harness({ worker_soft_shutdown_timeout: 0.2, worker_enable_soft_shutdown_on_idle: true });

  test('puts back what takes longer', async () => {
    await h.app.sendTask('endless');
    const { worker } = await busy(h, { acksLate: true });

    await worker.terminate();

    expect(await (await h.broker()).size('celery')).toBe(1);
  });

  test('is spent idle where that is asked for', async () => {
    const worker = await h.start();
    const before = performance.now();

    await worker.terminate();

    expect(performance.now() - before).toBeGreaterThanOrEqual(190);
  });
});
