import { describe, expect, test } from 'vitest';
import { Reject } from '../../src/app/exceptions.ts';
import { signature } from '../../src/protocol/signature.ts';
import { harness } from './harness.ts';

const cycle: { self?: unknown } = {};
cycle.self = cycle;
const trapped = Object.defineProperty({}, 'x', {
  enumerable: true,
  get: () => {
    throw new Error('the getter throws');
  },
});
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const deep = (): unknown => {
  let value: unknown = 1;
  for (let depth = 0; depth < 5000; depth += 1) value = [value];
  return value;
};

describe('what a task returns', () => {
  const h = harness();

  test.each([
    ['a cycle', () => cycle],
    ['a function', () => () => 1],
    ['a symbol', () => Symbol('s')],
    ['a map', () => new Map([[1, 2]])],
    ['a set', () => new Set([1])],
    ['an invalid date', () => new Date(Number.NaN)],
    ['nesting of 5000', deep],
    ['a getter that throws', () => trapped],
  ])('%s fails the task, its link is not sent, and the worker goes on', async (_name, make) => {
    h.app.task('bad', make);
    h.app.task('good', () => 1);
    let linked = 0;
    h.app.task('linked', () => (linked += 1));
    await h.start({ concurrency: 1 });

    const failure = await h.run('bad', [], { link: signature('linked') }).catch((error: unknown) => error);

    expect(failure).toMatchObject({ excType: 'EncodeError', excModule: 'kombu.exceptions' });
    expect(await h.run('good')).toBe(1);
    expect(linked).toBe(0);
  });
});

describe('what a task throws', () => {
  const h = harness();

  test('a value that cannot be looked at is a failure too', async () => {
    h.app.task('bad', revoked);
    h.app.task('good', () => 1);
    await h.start({ concurrency: 1 });

    await expect(h.run('bad')).rejects.toMatchObject({ excType: 'TypeError' });
    expect(await h.run('good')).toBe(1);
  });

  test.each([
    ['a revoked proxy', revoked],
    ['an object without a prototype', () => Object.create(null) as unknown],
    ['a symbol', () => Symbol('s')],
    ['a big integer', () => 1n],
    ['null', () => null],
    ['an error whose message throws', () => Object.defineProperty(new Error('x'), 'message', { get: () => revoked() })],
    ['an error whose stack throws', () => Object.defineProperty(new Error('x'), 'stack', { get: () => (trapped as { x: unknown }).x })],
    ['an error without a constructor', () => Object.assign(new Error('x'), { constructor: undefined })],
    ['arguments that cannot be serialised', () => Object.assign(new Error('x'), { excMessage: [() => 1] })],
    ['arguments that cannot be printed', () => Object.assign(new Error('x'), { excMessage: [Object.create(null)] })],
    ['a message of 5 MB', () => new Error('m'.repeat(5_000_000))],
    ['a cause that is itself', () => Object.assign(new Error('x'), { cause: cycle })],
  ])('%s is a failure, and the worker goes on', async (_name, make) => {
    h.app.task('bad', () => {
      throw make();
    });
    h.app.task('later', async () => {
      await Promise.resolve();
      throw make();
    });
    h.app.task('good', () => 1);
    await h.start({ concurrency: 1 });

    await expect(h.run('bad')).rejects.toMatchObject({ code: 'ERR_TASK_FAILED' });
    await expect(h.run('later')).rejects.toMatchObject({ code: 'ERR_TASK_FAILED' });

    expect(await h.run('good')).toBe(1);
    expect(Math.max(...h.lines.map((line) => line.length))).toBeLessThanOrEqual(4096);
  });

  test('an errback that cannot be sent leaves the failure and the other errbacks alone', async () => {
    const seen: unknown[] = [];
    h.app.task('bad', () => {
      throw new RangeError('the cause');
    });
    const both = Promise.withResolvers<void>();
    h.app.task('mark', (...args: unknown[]) => {
      seen.push(args);
      if (seen.length === 2) both.resolve();
    });
    await h.start();
    const composite = { ...signature('celery.group'), subtask_type: 'group' };

    const result = await h.app.sendTask('bad', [], { linkError: [signature('mark', ['a']), composite, signature('mark', ['b'])] });
    await expect(result.get({ timeout: 5 })).rejects.toMatchObject({ excType: 'RangeError' });
    await both.promise;

    expect(seen).toEqual([
      [result.id, 'a'],
      [result.id, 'b'],
    ]);
    expect(h.lines.filter((line) => line.includes('group signature cannot be sent yet'))).toHaveLength(1);
  });

  test('a rejection is logged as Celery logs it', async () => {
    h.app.task('reject', () => {
      throw new Reject('nope');
    });
    await h.start();

    await expect(h.run('reject')).rejects.toMatchObject({ excType: 'Reject' });
    expect(h.lines).toContainEqual(expect.stringMatching(/^warning: Task reject\[.*\] reject requeue=False: nope$/));
  });
});

describe('links and errbacks on the wire', () => {
  const h = harness();

  test('several links are an anonymous group and one child, one link is alone, one errback is a group', async () => {
    h.app.task('ok', () => 5);
    h.app.task('bad', () => {
      throw new Error('no');
    });
    await h.start();
    const to = (queue: string): ReturnType<typeof signature> => signature('x.cb', [], {}, { queue });

    const pair = await h.app.sendTask('ok', [], { link: [to('a'), to('b')] });
    const [a, b] = await Promise.all([h.next('a'), h.next('b')]);
    await h.app.sendTask('ok', [], { link: to('c') });
    const failed = await h.app.sendTask('bad', [], { linkError: to('d') });
    const [c, d] = await Promise.all([h.next('c'), h.next('d')]);

    const group = a.message.headers['group'];
    expect(group).toEqual(expect.any(String));
    expect(a.message.headers).toMatchObject({ group, group_index: 0, parent_id: pair.id, root_id: pair.id });
    expect(b.message.headers).toMatchObject({ group, group_index: 1 });
    expect(c.message.headers).toMatchObject({ group: null, group_index: null });
    expect(d.message.headers).toMatchObject({ group: expect.any(String) as string, group_index: 0, parent_id: failed.id });
    await pair.get({ timeout: 5 });
    expect((await pair.children())?.map((child) => child.id)).toEqual([group]);
  });
});

describe('the options of a task', () => {
  const h = harness();

  test('one that does not exist is refused by name', () => {
    expect(() => h.app.task('t', { ackslate: true } as object, () => 1)).toThrow(
      'the task t has no option ackslate; did you mean acksLate?',
    );
  });
});

describe('results that are ignored', () => {
  const h = harness();

  test('errors are kept when asked for, also those of expired and retried tasks', async () => {
    const options = { ignoreResult: true, storeErrorsEvenIfIgnored: true, defaultRetryDelay: 60 };
    h.app.task('fail', options, () => {
      throw new Error('kept');
    });
    h.app.task('retry', options, function () {
      return this.retry();
    });
    h.app.task('late', options, () => 1);
    h.app.task('silent', { ignoreResult: true }, () => 1);
    await h.start();

    await expect(h.run('fail')).rejects.toThrow('kept');
    await expect(h.run('late', [], { expires: -1 })).rejects.toMatchObject({ code: 'ERR_TASK_REVOKED' });
    const silent = await h.app.sendTask('silent', [], { expires: -1 });
    const retried = await h.app.sendTask('retry');
    const seen = Promise.withResolvers<unknown>();
    const waiting = new AbortController();
    retried.get({ signal: waiting.signal, onUpdate: (state) => seen.resolve(state) }).catch(() => undefined);
    expect(await seen.promise).toBe('RETRY');
    waiting.abort();
    expect(await retried.traceback()).toMatch(/^Traceback/);
    expect(await silent.state()).toBe('PENDING');
  });
});
