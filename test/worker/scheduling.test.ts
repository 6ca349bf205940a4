import { describe, expect, test } from 'vitest';
import { signature } from '../../src/protocol/signature.ts';
import { prefetchCount } from '../../src/worker/qos.ts';
import { harness } from './harness.ts';

describe('rate limits', () => {
  const h = harness();

  test('five tasks at 5/s start a token apart, in order, and hold up no other kind', async () => {
    const starts: number[] = [];
    const order: number[] = [];
    h.app.task('limited', { rateLimit: '5/s' }, (index: number) => {
      starts.push(performance.now());
      order.push(index);
    });
    h.app.task('free', () => 'free');
    await h.start({ concurrency: 1 });

    const results = await Promise.all([1, 2, 3, 4, 5].map((index) => h.app.sendTask('limited', [index])));
    expect(await h.run('free')).toBe('free');
    expect(starts.length).toBeLessThan(5);
    for (const result of results) await result.get({ timeout: 10 });

    expect(order).toEqual([1, 2, 3, 4, 5]);
    const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThan(150);
    expect((starts.at(-1) ?? 0) - (starts[0] ?? 0)).toBeGreaterThan(780);
  });

  test('remote control changes them while tasks wait; a wrong one is refused', async () => {
    h.app.task('slow', { rateLimit: '1/h' }, () => 1);
    const worker = await h.start();
    await h.run('slow');
    const waiting = await h.app.sendTask('slow');

    expect(() => worker.rateLimits.set('slow', '1/d')).toThrow(RangeError);
    worker.rateLimits.set('slow', null);

    expect(await waiting.get({ timeout: 5 })).toBe(1);
  });

  test('what waits for a token goes back when the worker stops', async () => {
    h.app.task('slow', { rateLimit: '1/h' }, () => 1);
    const worker = await h.start();
    await h.run('slow');
    const waiting = await h.app.sendTask('slow');
    while (!h.lines.some((line) => line.includes(waiting.id))) await new Promise((resolve) => setImmediate(resolve));

    await worker.stop();

    expect((await h.next('celery')).message.headers['id']).toBe(waiting.id);
  });

  test('a wrong rate limit of a task is refused when the worker starts', async () => {
    h.app.task('wrong', { rateLimit: 'often' }, () => 1);

    await expect(h.start()).rejects.toThrow(/a rate limit is '10\/s'/);
  });
});

describe('rate limits by setting', () => {
  const limited = harness({ task_default_rate_limit: '1/h' });
  const off = harness({ task_default_rate_limit: '1/h', worker_disable_rate_limits: true });

  test('the default counts for tasks that say nothing', async () => {
    limited.app.task('t', () => 1);
    limited.app.task('own', { rateLimit: null }, () => 2);
    await limited.start();
    await limited.run('t');

    await expect((await limited.app.sendTask('t')).get({ timeout: 0.2 })).rejects.toMatchObject({ code: 'ERR_RESULT_TIMEOUT' });
    await limited.run('own');
    expect(await limited.run('own')).toBe(2);
  });

  test('they can be switched off', async () => {
    off.app.task('t', () => 1);
    await off.start();
    await off.run('t');

    expect(await off.run('t')).toBe(1);
  });
});

test.each([
  [2, 4, 0, Infinity, 8],
  [2, 4, 5, Infinity, 13],
  [2, 4, 5, 10, 10],
  [2, 4, 5, 1, 8],
  [2, 0, 5, 10, 0],
])('a prefetch of %d slots × %d with %d held and %d at most is %d', (slots, multiplier, held, limit, expected) => {
  expect(prefetchCount(slots, multiplier, held, limit)).toBe(expected);
});

describe('without prefetching', () => {
  const h = harness({ worker_disable_prefetch: true });

  test('a message is taken when a slot is free for it', async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    h.app.task('gated', async () => {
      started.resolve();
      await gate.promise;
    });
    h.app.task('quick', () => 1);
    await h.start({ concurrency: 1 });
    await h.app.sendTask('gated');
    await started.promise;

    const results = await Promise.all([h.app.sendTask('quick'), h.app.sendTask('quick')]);
    const broker = await h.broker();
    expect(await broker.size('celery')).toBe(2);
    gate.resolve();

    for (const result of results) expect(await result.get({ timeout: 5 })).toBe(1);
  });
});

describe('tasks that have succeeded before', () => {
  const h = harness({ worker_deduplicate_successful_tasks: true, task_acks_late: true });

  test.each([
    ['are acked, not run; callbacks that were never sent are', null, 1],
    ['send no callbacks twice', [[['a', null], null]], 0],
  ])('%s', async (_name, children, linked) => {
    let runs = 0;
    const seen: unknown[] = [];
    h.app.task('once', () => (runs += 1));
    h.app.task('link', (value: unknown) => void seen.push(value));
    const { id } = await h.app.sendTask('once', [], { link: signature('link') });
    const backend = await h.app.backend();
    const meta = { task_id: id, status: 'SUCCESS', result: 'first', traceback: null, children, date_done: null } as const;
    await backend.storeResult(meta as Parameters<typeof backend.storeResult>[0], { replyTo: undefined, correlationId: id });
    await (await (await h.broker()).get('celery'))?.reject({ requeue: true });

    const worker = await h.start();
    await expect.poll(() => h.lines.some((line) => line.includes('ignored: it has succeeded before'))).toBe(true);
    await expect.poll(() => seen.length).toBe(linked);
    await worker.stop();

    expect(runs).toBe(0);
    expect(seen).toEqual(linked === 1 ? ['first'] : []);
  });
});
