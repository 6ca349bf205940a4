import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { currentTask } from '../../src/app/current.ts';
import { Ignore, Reject } from '../../src/app/exceptions.ts';
import { TaskFailedError, TaskRevokedError } from '../../src/base/errors.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { Celery } from '../../src/celery.ts';
import { signature } from '../../src/protocol/signature.ts';
import { memoryTransport } from '../../src/transport/memory.ts';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';
import { transportOptions } from '../conformance/transport.ts';

const get = { timeout: 5 };

describe('worker', () => {
  let url: string;
  let app: Celery;
  let worker: Worker | undefined;

  beforeEach(() => {
    url = `memory://${randomUUID()}`;
    app = new Celery('test', { broker_url: url, result_backend: url });
  });
  afterEach(async () => {
    await worker?.stop();
    await app.close();
    worker = undefined;
  });

  const start = async (options: WorkerOptions = {}): Promise<Worker> => {
    worker = app.worker(options);
    await worker.start();
    return worker;
  };
  const run = async (name: string, args: unknown[] = [], options = {}): Promise<unknown> =>
    (await app.sendTask(name, args, options)).get(get);
  const waiting = async (): Promise<number> => {
    const connection = await memoryTransport.connect(parseBrokerUrl(url), transportOptions());
    const size = await (await connection.openChannel()).size('celery');
    await connection.close();
    return size;
  };

  test('arguments are bound as Python binds them', async () => {
    app.task('math.add', { params: ['x', 'y', 'z?'] }, (x: number, y: number, z = 100) => x + y + z);
    await start();

    expect(await run('math.add', [1, 2])).toBe(103);
    expect(await run('math.add', [1], { kwargs: { y: 2, z: 3 } })).toBe(6);
    await expect(run('math.add', [1])).rejects.toMatchObject({
      excType: 'TypeError',
      excModule: 'builtins',
      excMessage: ["add() missing 1 required positional argument: 'y'"],
    });
    await expect(run('math.add', [1, 2, 3, 4])).rejects.toThrow('add() takes from 2 to 3 positional arguments but 4 were given');
    await expect(run('math.add', [1, 2], { kwargs: { q: 1 } })).rejects.toThrow("add() got an unexpected keyword argument 'q'");
    await expect(run('math.add', [1, 2], { kwargs: { x: 1 } })).rejects.toThrow("add() got multiple values for argument 'x'");
  });

  test('a task without params takes no keywords and says how to declare them', async () => {
    app.task('plain', (x: unknown) => x);
    await start();

    await expect(run('plain', [], { kwargs: { x: 1 } })).rejects.toThrow("params: ['x']");
  });

  test.each([
    [new RangeError('x'), 'RangeError', 'tq_bridge.errors', ['x']],
    [new TypeError('x'), 'TypeError', 'builtins', ['x']],
    ['just text', 'Error', 'tq_bridge.errors', ['just text']],
    [undefined, 'Error', 'tq_bridge.errors', ['undefined']],
    [
      Object.assign(new Error('m'), { excType: 'OrderError', excModule: 'shop.errors', excMessage: [7, 'm'] }),
      'OrderError',
      'shop.errors',
      [7, 'm'],
    ],
  ])('what a task throws arrives as a failure: %s', async (thrown, excType, excModule, excMessage) => {
    app.task('fail', async () => {
      throw thrown;
    });
    await start();

    const failure = await run('fail').catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(TaskFailedError);
    expect(failure).toMatchObject({ excType, excModule, excMessage });
    expect((failure as TaskFailedError).remoteTraceback).toMatch(/^Traceback \(most recent call last\):/);
  });

  test('undefined is stored as null, and what cannot be serialised fails the task', async () => {
    app.task('nothing', () => undefined);
    app.task('function', () => () => 1);
    await start();

    expect(await run('nothing')).toBeNull();
    await expect(run('function')).rejects.toMatchObject({ excType: 'EncodeError' });
  });

  test('an expired task is revoked and does not run', async () => {
    let runs = 0;
    app.task('late', () => (runs += 1));
    await start();

    await expect(run('late', [], { expires: -1 })).rejects.toBeInstanceOf(TaskRevokedError);
    expect(runs).toBe(0);
  });

  test('a countdown is kept, and held tasks do not use up the prefetch', async () => {
    app.task('now', () => Date.now());
    await start({ concurrency: 1, prefetchMultiplier: 1 });
    const sent = Date.now();

    const held = await Promise.all([1, 2, 3].map(() => app.sendTask('now', [], { countdown: 0.3 })));
    await run('now');
    const at = (await Promise.all(held.map((result) => result.get(get)))) as number[];

    expect(Math.min(...at) - sent).toBeGreaterThanOrEqual(295);
  });

  test('retry sends the same task again and ends with its result', async () => {
    const seen: unknown[] = [];
    app.task('flaky', { maxRetries: 5 }, async function (x: number) {
      seen.push([this.id, this.retries, this.request.headers['tenant'], this.request.parentId]);
      if (this.retries < 2) await this.retry({ countdown: 0 });
      return x;
    });
    await start();

    const result = await app.sendTask('flaky', [7], { headers: { tenant: 'blue' } });

    expect(await result.get(get)).toBe(7);
    expect(seen).toEqual([
      [result.id, 0, 'blue', undefined],
      [result.id, 1, 'blue', result.id],
      [result.id, 2, 'blue', result.id],
    ]);
  });

  test('autoretry ends with the error itself when its retries are used up', async () => {
    let runs = 0;
    app.task('always', { autoretryFor: ['RangeError'], maxRetries: 2, defaultRetryDelay: 0 }, () => {
      runs += 1;
      throw new RangeError('again');
    });
    app.task('never', { autoretryFor: [Error], dontAutoretryFor: [RangeError] }, () => {
      throw new RangeError('once');
    });
    await start();

    await expect(run('always')).rejects.toMatchObject({ excType: 'RangeError' });
    expect(runs).toBe(3);
    await expect(run('never')).rejects.toThrow('once');
  });

  test('retries used up without an error of their own are MaxRetriesExceededError', async () => {
    app.task('tired', { maxRetries: 0 }, function () {
      return this.retry({ countdown: 0 });
    });
    await start();

    await expect(run('tired', [1])).rejects.toMatchObject({ excType: 'MaxRetriesExceededError', excModule: 'celery.exceptions' });
  });

  test('links and the next chain step run with the result; errbacks with the id', async () => {
    const marks: unknown[] = [];
    const marked = Promise.withResolvers<void>();
    app.task('add', { params: ['x', 'y'] }, (x: number, y: number) => x + y);
    app.task('mark', (...args: unknown[]) => {
      marks.push(args);
      if (marks.length === 2) marked.resolve();
    });
    app.task('fail', () => {
      throw new Error('no');
    });
    await start();

    const parent = await app.sendTask('add', [1, 2], { link: signature('mark', ['linked']) });
    const failed = await app.sendTask('fail', [], { linkError: signature('mark', []) });
    await marked.promise;

    expect(marks).toContainEqual([3, 'linked']);
    expect(marks).toContainEqual([failed.id]);
    await parent.get(get);
    expect(await parent.children()).toHaveLength(1);
  });

  test('ignore_result: the message wins over the task', async () => {
    app.task('quiet', { ignoreResult: true }, () => 1);
    await start();

    const silent = await app.sendTask('quiet');
    expect(await run('quiet', [], { ignoreResult: false })).toBe(1);
    expect(await silent.state()).toBe('PENDING');
  });

  test('track_started and updateState are seen by who waits', async () => {
    const gate = Promise.withResolvers<void>();
    app.task('long', { trackStarted: true }, async function () {
      await this.updateState('PROGRESS', { done: 1 });
      await gate.promise;
      return 'end';
    });
    await start();
    const seen: string[] = [];

    const result = await app.sendTask('long');
    const value = result.get({
      ...get,
      onUpdate: (state) => {
        seen.push(state);
        if (state === 'PROGRESS') gate.resolve();
      },
    });

    expect(await value).toBe('end');
    expect(seen).toContain('PROGRESS');
  });

  test('Ignore stores nothing, Reject without requeue stores a failure, Reject with requeue runs again', async () => {
    let runs = 0;
    app.task('ignore', () => {
      throw new Ignore();
    });
    app.task('reject', { acksLate: true }, () => {
      throw new Reject('not now');
    });
    app.task('again', { acksLate: true }, () => {
      runs += 1;
      if (runs === 1) throw new Reject('once more', { requeue: true });
      return runs;
    });
    await start();

    const ignored = await app.sendTask('ignore');
    await expect(run('reject')).rejects.toMatchObject({ excType: 'Reject', excMessage: ['not now', false] });
    expect(await run('again')).toBe(2);
    expect(await ignored.state()).toBe('PENDING');
  });

  test('arrow functions reach their context, and tasks sent from a task know their parent', async () => {
    app.task('child', function () {
      return [this.request.parentId, this.request.rootId];
    });
    app.task('parent', async () => {
      const child = await app.sendTask('child');
      return [currentTask().id, child.id];
    });
    await start();

    const result = await app.sendTask('parent');
    const [own, childId] = (await result.get(get)) as [string, string];

    expect(own).toBe(result.id);
    expect(await app.asyncResult(childId).get(get)).toEqual([result.id, result.id]);
    expect((await result.children())?.map((child) => child.id)).toEqual([childId]);
  });

  test('an unregistered task fails and the next task runs', async () => {
    app.task('known', () => 1);
    await start();

    await expect(run('unknown')).rejects.toMatchObject({
      excType: 'NotRegistered',
      excMessage: ['unknown'],
      excModule: 'celery.exceptions',
    });
    expect(await run('known')).toBe(1);
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('the task name %s is nobody', async (name) => {
    await start();

    await expect(run(name)).rejects.toMatchObject({ excType: 'NotRegistered' });
  });

  test('a warm shutdown finishes what runs and returns the rest', async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    let begun = 0;
    app.task('slow', async () => {
      begun += 1;
      if (begun === 3) started.resolve();
      await gate.promise;
      return 'done';
    });
    const running = await start({ concurrency: 3, prefetchMultiplier: 20 });
    const sent = await Promise.all(Array.from({ length: 53 }, () => app.sendTask('slow')));
    await started.promise;

    const stopped = running.stop();
    gate.resolve();
    await stopped;

    expect(begun).toBe(3);
    expect(await waiting()).toBe(50);
    const states = await Promise.all(sent.map((result) => result.state()));
    expect(states.filter((state) => state === 'SUCCESS')).toHaveLength(3);
  });

  test('concurrency bounds what runs at once, and solo runs one', async () => {
    let most = 0;
    let now = 0;
    app.task('count', async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
    });
    await start({ concurrency: 4 });
    await Promise.all(Array.from({ length: 40 }, () => run('count')));
    expect(most).toBe(4);
    await worker?.stop();

    most = 0;
    await start({ pool: 'solo', concurrency: 4 });
    await Promise.all(Array.from({ length: 10 }, () => run('count')));
    expect(most).toBe(1);
  });

  test('a soft time limit aborts the signal', async () => {
    app.task('limited', function () {
      return new Promise((_resolve, reject) => this.signal.addEventListener('abort', () => reject(this.signal.reason as Error)));
    });
    await start();

    await expect(run('limited', [], { softTimeLimit: 0.05 })).rejects.toMatchObject({
      excType: 'SoftTimeLimitExceeded',
      excModule: 'billiard.exceptions',
    });
  });
});
