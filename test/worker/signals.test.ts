import { describe, expect, test, vi } from 'vitest';
import type { AppSignals } from '../../src/app/signals.ts';
import { harness } from './harness.ts';

const place = harness();

/** Records the names of signals as they are sent. */
function record(...names: (keyof AppSignals)[]): string[] {
  const seen: string[] = [];
  for (const name of names) place.app.signals.on(name, () => void seen.push(name));
  return seen;
}

test('a task is told of in the order Celery tells it', async () => {
  const seen = record('before_task_publish', 'after_task_publish', 'task_received', 'task_prerun', 'task_success', 'task_postrun');
  place.app.task('add', (x: number, y: number) => x + y);
  await place.start();

  await place.run('add', [2, 3]);

  expect(seen.filter((name) => name !== 'after_task_publish')).toEqual([
    'before_task_publish',
    'task_received',
    'task_prerun',
    'task_success',
    'task_postrun',
  ]);
  expect(seen).toContain('after_task_publish');
});

test('headers that a listener adds travel with the message', async () => {
  place.app.signals.on('before_task_publish', ({ headers }) => void (headers['traceparent'] = '00-1'));
  place.app.task('headers', function seen() {
    return this.request.headers['traceparent'];
  });
  await place.start();

  expect(await place.run('headers')).toBe('00-1');
});

test('a failure, a retry and an unknown task have signals of their own', async () => {
  const seen = record('task_failure', 'task_retry', 'task_unknown', 'task_postrun');
  place.app.task('fail', () => {
    throw new RangeError('x');
  });
  place.app.task('again', function again() {
    return this.retries > 0 ? 1 : this.retry({ countdown: 0 });
  });
  // One at a time: the next try would overtake the end of this one.
  await place.start({ pool: 'solo' });

  await expect(place.run('fail')).rejects.toThrow('x');
  await place.run('again');
  await expect(place.run('nobody')).rejects.toThrow('nobody');

  expect(seen).toEqual(['task_failure', 'task_postrun', 'task_retry', 'task_postrun', 'task_postrun', 'task_unknown']);
});

test('an expired task is revoked, and says so', async () => {
  const seen: unknown[] = [];
  place.app.signals.on('task_revoked', ({ request, expired }) => void seen.push([request.task, expired]));
  place.app.task('late', () => 1);
  await place.start();

  await expect(place.run('late', [], { expires: new Date(Date.now() - 1000) })).rejects.toThrow('expired');

  expect(seen).toEqual([['late', true]]);
});

test('a listener that throws or rejects is a line in the log', async () => {
  place.app.signals.on('task_prerun', () => {
    throw new Error('thrown');
  });
  place.app.signals.on('task_postrun', () => Promise.reject(new Error('rejected')));
  place.app.task('add', (x: number, y: number) => x + y);
  await place.start();

  expect(await place.run('add', [2, 3])).toBe(5);

  expect(place.lines).toContain('error: A listener of the signal task_prerun failed: thrown');
  expect(place.lines).toContain('error: A listener of the signal task_postrun failed: rejected');
});

test('a listener that was taken off hears no more', () => {
  const { signals } = place.app;
  const off = signals.on('task_prerun', () => undefined);

  expect(signals.has('task_prerun')).toBe(true);
  off();
  expect(signals.has('task_prerun')).toBe(false);
});

describe('the signals of a worker', () => {
  const node = harness();

  test('come in the order that Celery 5.7.0 sends them, and it waits for those that open things', async () => {
    const seen: string[] = [];
    const names = [
      'celeryd_init',
      'worker_init',
      'celeryd_after_setup',
      'worker_ready',
      'worker_shutting_down',
      'worker_shutdown',
    ] as const;
    for (const name of names) node.app.signals.on(name, ({ hostname }) => void seen.push(`${name} ${hostname}`));
    for (const name of ['worker_init', 'celeryd_after_setup', 'worker_shutdown'] as const) {
      node.app.signals.on(name, async () => {
        await new Promise(setImmediate);
        seen.push('waited');
      });
    }

    const worker = await node.start({ hostname: 'w1@test' });
    await worker.stop();

    expect(seen).toEqual([
      'celeryd_init w1@test',
      'worker_init w1@test',
      'waited',
      'celeryd_after_setup w1@test',
      'waited',
      'worker_ready w1@test',
      'worker_shutting_down w1@test',
      'worker_shutdown w1@test',
      'waited',
    ]);
  });

  test('celeryd_init configures nodes by name', async () => {
    node.app.configure({ worker_prefetch_multiplier: 9 });
    node.app.signals.on('celeryd_init', ({ hostname }) => {
      if (hostname === 'few@test') node.app.configure({ worker_concurrency: 2 });
    });

    const worker = await node.start({ hostname: 'few@test' });

    expect(worker.concurrency).toBe(2);
    expect(node.app.settings.worker_prefetch_multiplier).toBe(9);
  });

  test('a listener of a start that fails is a line in the log, and the worker starts', async () => {
    node.app.signals.on('worker_init', () => Promise.reject(new Error('no pool')));

    await node.start();

    expect(node.lines).toContain('error: A listener of the signal worker_init failed: no pool');
    expect(node.lines.at(-1)).toMatch(/ready\.$/);
  });

  test('one that is never sent is refused, and the nearest named', () => {
    expect(() => node.app.signals.on('task_prerunn' as 'task_prerun', () => undefined)).toThrow(
      'no signal is called task_prerunn; did you mean task_prerun?',
    );
  });

  test('what could not be done after a task is told', async () => {
    const seen: unknown[] = [];
    node.app.signals.on('task_internal_error', ({ taskId, exception }) => void seen.push(taskId, String(exception)));
    node.app.task('fail', () => {
      throw new Error('no');
    });
    await node.start();

    const link = { task: 'mark', args: [() => 1], kwargs: {}, options: { serializer: 'nobody' }, subtask_type: null, immutable: false };
    const sent = await node.app.sendTask('fail', [], { linkError: { ...link, args: [] } });
    await expect(sent.get({ timeout: 5 })).rejects.toThrow('no');

    await vi.waitFor(() => expect(seen[0]).toBe(sent.id));
  });
});
