import { expect, test } from 'vitest';
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
