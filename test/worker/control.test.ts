import { describe, expect, test } from 'vitest';
import { harness } from './harness.ts';

const h = harness({ task_default_queue: 'q' });
const NODE = 'w1@here';

/** The answer of the one worker there is. */
async function ask(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
  const [reply] = await h.app.control.broadcast(command, { arguments: args, reply: true, timeout: 5, limit: 1 });
  return reply?.[NODE];
}

/** A worker with one task that runs until it is let go. */
async function busy(): Promise<{ readonly release: () => void }> {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  h.app.task('t.wait', async () => {
    begun.resolve();
    await gate.promise;
    return 'done';
  });
  h.app.task('t.add', { params: ['x', 'y'] }, (x: number, y: number) => x + y);
  await h.start({ hostname: NODE, concurrency: 1 });
  await h.app.sendTask('t.wait', [7], { taskId: 'running' });
  await begun.promise;
  return { release: gate.resolve };
}

describe('inspect commands', () => {
  test('ping, and two clients at once', async () => {
    await h.start({ hostname: NODE });

    expect(await h.app.control.ping({ limit: 1 })).toEqual([{ [NODE]: { ok: 'pong' } }]);
    expect(await h.app.control.inspect({ limit: 1 }).ping()).toEqual({ [NODE]: { ok: 'pong' } });
  });

  test('what runs, waits for a slot and waits for its time', async () => {
    const { release } = await busy();
    await h.app.sendTask('t.add', [1, 2], { taskId: 'waiting' });
    await h.app.sendTask('t.add', [1, 2], { taskId: 'later', countdown: 600 });
    const info = {
      hostname: NODE,
      type: 't.add',
      name: 't.add',
      args: [1, 2],
      kwargs: {},
      time_start: null,
      acknowledged: false,
      delivery_info: { exchange: '', routing_key: 'q', priority: 0, redelivered: false },
      worker_pid: null,
    };

    expect(await ask('active')).toEqual([
      {
        ...info,
        id: 'running',
        name: 't.wait',
        type: 't.wait',
        args: [7],
        time_start: expect.any(Number),
        acknowledged: true,
        worker_pid: process.pid,
      },
    ]);
    expect(await ask('active', { safe: true })).toMatchObject([{ args: '(7,)', kwargs: '{}' }]);
    expect(await ask('reserved')).toEqual(expect.arrayContaining([{ ...info, id: 'waiting' }]));
    expect(await ask('query_task', { ids: ['running', 'waiting', 'nope'] })).toMatchObject({
      running: ['active', { id: 'running' }],
      waiting: ['reserved', { id: 'waiting' }],
    });
    release();
  });

  test('what waits for its time', async () => {
    h.app.task('t.add', { params: ['x', 'y'] }, (x: number, y: number) => x + y);
    await h.start({ hostname: NODE });
    const arrived = new Promise((resolve) => h.app.signals.on('task_received', resolve));
    await h.app.sendTask('t.add', [1, 2], { taskId: 'later', eta: new Date('2100-01-02T03:04:05.678Z') });
    await arrived;

    expect(await ask('scheduled')).toMatchObject([
      { eta: '2100-01-02T03:04:05.678000+00:00', priority: 6, request: { id: 'later', acknowledged: false } },
    ]);
    expect(await ask('query_task', { ids: 'later' })).toMatchObject({ later: ['scheduled', { id: 'later' }] });
  });

  test('tasks, queues, settings, report and counts', async () => {
    h.app.task('t.b', { maxRetries: 5, queue: 'other' }, () => 1);
    h.app.task('t.a', () => 1);
    await h.start({ hostname: NODE, concurrency: 3 });
    await h.run('t.a');

    expect(await ask('registered')).toEqual(['t.a', 't.b']);
    expect(await ask('registered', { taskinfoitems: ['max_retries', '_app', 5, '__proto__'] })).toEqual([
      't.a [max_retries=3]',
      't.b [max_retries=5]',
    ]);
    expect(await ask('active_queues')).toMatchObject([
      { name: 'q', exchange: { name: 'q', type: 'direct', durable: true }, routing_key: 'q' },
    ]);
    expect(await ask('conf')).toMatchObject({ task_default_queue: 'q' });
    expect(await ask('conf')).not.toHaveProperty('task_protocol');
    expect(await ask('conf', { with_defaults: true })).toMatchObject({ task_protocol: 2 });
    expect(await ask('report')).toEqual({ ok: expect.stringContaining('software -> tq-bridge:') });
    expect(await ask('stats')).toMatchObject({
      total: { 't.a': 1 },
      pid: process.pid,
      clock: expect.stringMatching(/^\d+$/),
      uptime: expect.any(Number),
      pool: { 'max-concurrency': 3, processes: [process.pid] },
      broker: { transport: 'memory' },
      prefetch_count: 12,
      rusage: { maxrss: expect.any(Number), utime: expect.any(Number) },
    });
    expect(await ask('clock')).toEqual({ clock: expect.any(Number) });
    expect(await ask('memsample')).toMatch(/^\d+\.\d{3}MB$/);
    expect(await ask('memdump')).toMatch(/^- rss \(sample\):\n- {4}> \d+\.\d{3}MB,\n- rss \(end\): /);
  });

  test('hello tells ids to others and nothing to itself', async () => {
    await h.start({ hostname: NODE });
    await ask('revoke', { task_id: ['a', 'b'] });

    expect(await ask('hello', { from_node: 'x@y', revoked: { c: [1.5, 'c'] } })).toEqual({
      revoked: ['a', 'b', 'c'],
      clock: expect.any(Number),
    });
    expect(await ask('hello', { from_node: 'x@y', revoked: ['d', 5] })).toMatchObject({ revoked: ['a', 'b', 'c', 'd'] });
    expect(await ask('hello', { from_node: NODE })).toBeNull();
    expect(await ask('revoked')).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('who is addressed', () => {
  test.each([
    [{ destination: [NODE] }, 1],
    [{ destination: ['other@here'] }, 0],
    [{ pattern: 'w?@*', matcher: 'glob' }, 1],
    [{ pattern: 'x*', matcher: 'glob' }, 0],
    [{ pattern: String.raw`w\d@(here|there)`, matcher: 'pcre' }, 1],
    [{ pattern: '(', matcher: 'pcre' }, 0],
    [{ pattern: '(a+)+$', matcher: 'pcre' }, 0],
    [{ pattern: 'w1@here', matcher: 'nope' }, 0],
  ])('%o reaches %i', async (options, count) => {
    await h.start({ hostname: NODE });

    expect(await h.app.control.ping({ timeout: count === 0 ? 0.2 : 5, limit: 1, ...options })).toHaveLength(count);
    expect(await h.app.control.ping({ limit: 1, timeout: 5 })).toHaveLength(1);
  });

  test('a worker without remote control hears nothing', async () => {
    h.app.configure({ worker_enable_remote_control: false });
    await h.start({ hostname: NODE });

    expect(await h.app.control.ping({ timeout: 0.1 })).toEqual([]);
    expect(await h.app.control.inspect({ timeout: 0.1 }).ping()).toBeUndefined();
  });
});

describe('control commands', () => {
  test('the pool grows and shrinks, within bounds, and the prefetch follows', async () => {
    await h.start({ hostname: NODE, concurrency: 2 });

    expect(await ask('pool_grow', { n: 3 })).toEqual({ ok: 'pool will grow' });
    expect(await ask('stats')).toMatchObject({ pool: { 'max-concurrency': 5 }, prefetch_count: 20 });
    expect(await ask('pool_shrink')).toEqual({ ok: 'pool will shrink' });
    for (const n of [1e9, -5, 0, 'x', 1.5, null])
      if (n !== null) expect(await ask('pool_grow', { n })).toEqual({ error: expect.stringMatching(/^(Value|Type)Error\('n must be/) });
    expect(await ask('pool_shrink', { n: 50 })).toEqual({ error: expect.stringContaining('ValueError(') });
    expect(await ask('stats')).toMatchObject({ pool: { 'max-concurrency': 4 } });
  });

  test('a queue more and a queue less', async () => {
    h.app.task('t.a', () => 'ran');
    await h.start({ hostname: NODE });

    expect(await ask('add_consumer', { queue: 'more' })).toEqual({ ok: 'add consumer more' });
    expect(await h.run('t.a', [], { queue: 'more' })).toBe('ran');
    expect(await ask('active_queues')).toMatchObject([{ name: 'q' }, { name: 'more' }]);
    expect(await ask('cancel_consumer', { queue: 'more' })).toEqual({ ok: 'no longer consuming from more' });
    expect(await ask('cancel_consumer', { queue: 'unknown' })).toEqual({ ok: 'no longer consuming from unknown' });
    expect(await ask('active_queues')).toMatchObject([{ name: 'q' }]);
  });

  test('the same queue asked for twice at once is consumed once', async () => {
    const worker = await h.start({ hostname: NODE });

    await Promise.all([ask('add_consumer', { queue: 'more' }), ask('add_consumer', { queue: 'more' })]);

    expect(worker.queues.map(({ name }) => name)).toEqual(['q', 'more']);
  });

  test('shutdown is a warm one that nobody answers', async () => {
    const worker = await h.start({ hostname: NODE });

    expect(await h.app.control.broadcast('shutdown', { reply: true, timeout: 0.1 })).toEqual([]);
    await worker.done;
  });

  test.each([
    ['nosuch', {}, "KeyError('nosuch')"],
    ['hello', {}, `TypeError("hello() missing 1 required positional argument: 'from_node'")`],
    ['enable_events', { x: 1 }, `TypeError("enable_events() got an unexpected keyword argument 'x'")`],
    ['autoscale', { max: 4, min: 1 }, "ValueError('Autoscale not enabled')"],
    ['pool_restart', {}, "ValueError('Pool restarts not enabled')"],
    ['rate_limit', { task_name: 't', rate_limit: 'zz/q' }, "KeyError('q')"],
    [
      'rate_limit',
      { task_name: 't', rate_limit: 'abc' },
      `Invalid rate limit string: ValueError("could not convert string to float: 'abc'")`,
    ],
    ['rate_limit', { task_name: 'nope', rate_limit: '5/m' }, 'unknown task'],
    ['time_limit', { task_name: 'nope' }, 'unknown task'],
    ['revoke', { task_id: 'q', terminate: true, signal: 'NOPE' }, `AttributeError("module 'signal' has no attribute 'SIGNOPE'")`],
    ['revoke_by_stamped_headers', { headers: ['k'] }, "IndexError('list index out of range')"],
  ])('%s %o fails in Python’s words', async (command, args, error) => {
    await h.start({ hostname: NODE });

    expect(await ask(command, args)).toEqual({ error });
  });

  test('a command of the user’s own', async () => {
    h.app.controlCommand('double', { required: ['n'] }, (state, { n }) => ({ ok: Number(n) * 2, host: state.hostname }));
    h.app.inspectCommand('broken', {}, () => {
      throw new RangeError("it's broken");
    });
    await h.start({ hostname: NODE });

    expect(await ask('double', { n: 4 })).toEqual({ ok: 8, host: NODE });
    expect(await h.app.control.inspect({ limit: 1 }).request('broken')).toEqual({ [NODE]: { error: `ValueError("it's broken")` } });
  });
});
