import { describe, expect, test } from 'vitest';
import { plainQueue } from '../../src/routing/queue.ts';
import { harness } from './harness.ts';

describe('a warm shutdown', () => {
  const h = harness();

  /** Resolves when another worker of the same queue has got so many messages. */
  async function others(count: number): Promise<void> {
    const channel = await h.broker();
    let got = 0;
    await new Promise<void>((resolve) => {
      void channel.consume([plainQueue('celery')], {
        prefetch: 0,
        noAck: true,
        onDelivery: () => {
          got += 1;
          if (got === count) resolve();
        },
        onCancelled: () => undefined,
      });
    });
  }

  test('gives what has not started to other workers while its own tasks still run', async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    h.app.task('slow', async () => {
      started.resolve();
      await gate.promise;
      return 'done';
    });
    const worker = await h.start({ concurrency: 1, prefetchMultiplier: 20 });
    const first = await h.app.sendTask('slow');
    await Promise.all(Array.from({ length: 10 }, () => h.app.sendTask('slow')));
    await Promise.all(Array.from({ length: 5 }, () => h.app.sendTask('slow', [], { countdown: 1000 })));
    await started.promise;

    const stopped = worker.stop();
    await others(15);

    expect(worker.running).toBe(1);
    gate.resolve();
    await stopped;
    expect(await first.get({ timeout: 5 })).toBe('done');
  });

  test('with nothing running is over at once, however far the times of held tasks', async () => {
    h.app.task('later', () => 1);
    const worker = await h.start();
    await Promise.all(Array.from({ length: 100 }, () => h.app.sendTask('later', [], { eta: new Date('9999-12-31T23:59:59Z') })));
    await h.app.sendTask('later', [], { countdown: 30 * 86_400 });

    const before = performance.now();
    await worker.stop();

    expect(performance.now() - before).toBeLessThan(1000);
    await others(101);
  });

  test('that a step does not stop is told, and the worker has ended all the same', async () => {
    h.app.steps.worker.add({ name: 'stuck', start: () => undefined, stop: () => Promise.reject(new Error('stuck by hand')) });
    const shutDown = Promise.withResolvers<void>();
    h.app.signals.on('worker_shutdown', () => shutDown.resolve());
    const worker = h.app.worker();
    await worker.start();

    await expect(worker.stop()).rejects.toThrow('stuck by hand');

    await shutDown.promise;
    await worker.done;
  });

  test('of a worker that still starts keeps it from consuming', async () => {
    const gate = Promise.withResolvers<void>();
    h.app.steps.worker.add({ name: 'slow', start: () => gate.promise }, { before: 'pool' });
    h.app.task('never', () => 1);
    await h.app.sendTask('never');
    const worker = h.app.worker();
    const starting = worker.start();
    // Both of its own signals are waited for first.
    await new Promise((resolve) => setImmediate(resolve));

    await worker.stop();
    gate.resolve();
    await starting;

    expect(worker.state.processed).toBe(0);
    expect(await (await h.broker()).size('celery')).toBe(1);
    expect(h.lines.join()).not.toContain('ready');
  });
});
