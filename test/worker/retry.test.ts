import { describe, expect, test } from 'vitest';
import type { TaskOptions, RetryOptions } from '../../src/app/task.ts';
import { signature } from '../../src/protocol/signature.ts';
import { automaticRetry } from '../../src/worker/autoretry.ts';
import { harness } from './harness.ts';

const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe('retry', () => {
  const h = harness();

  /** Retries once to a queue nobody consumes, and reads what was sent. */
  async function retried(
    options: TaskOptions,
    retry: RetryOptions,
    args: unknown[],
    send: object = {},
  ): Promise<[unknown, unknown, unknown]> {
    h.app.task('t.again', options, function () {
      return this.retry({ ...retry, queue: 'again' });
    });
    await h.start();
    const next = h.next('again');
    await h.app.sendTask('t.again', args, send);
    const { message } = await next;
    const [sentArgs, kwargs] = json(message.body) as [unknown, unknown];
    return [sentArgs, kwargs, message];
  }

  test.each<[string, string[], RetryOptions, unknown[], object, unknown[], object]>([
    ['keywords replace inherited positions', ['a', 'b'], { kwargs: { b: 99 } }, [1, 2], {}, [1, 99], {}],
    ['positions replace inherited keywords', ['a', 'b'], { args: [7] }, [], { a: 1, b: 2 }, [7], { b: 2 }],
    ['*args keep their places', ['a', '*rest'], { kwargs: { a: 9 } }, [1, 2, 3], {}, [9, 2, 3], {}],
    ['other keywords are added', ['a', '**more'], { kwargs: { x: 1 } }, [5], {}, [5], { x: 1 }],
    ['both given stand alone', ['a', 'b'], { args: [3], kwargs: { b: 4 } }, [1, 2], {}, [3], { b: 4 }],
    ['without params nothing is bound anew', [], { kwargs: { b: 1 } }, [1, 2, 3], {}, [1, 2, 3], { b: 1 }],
  ])('%s', async (_name, params, retry, args, kwargs, sentArgs, sentKwargs) => {
    const options = { defaultRetryDelay: 60, ...(params.length === 0 ? undefined : { params }) };
    expect(await retried(options, retry, args, { kwargs })).toEqual([sentArgs, sentKwargs, expect.anything()]);
  });

  test('what a retry sends is the same task: only its time, its count and its parent change', async () => {
    const link = signature('x.link');
    const [, , message] = await retried({ params: ['a'], ignoreResult: true, defaultRetryDelay: 60 }, { expires: 600 }, [1], {
      taskId: 'same',
      headers: { my: 'hdr', 'x-death': [1] },
      link,
      linkError: link,
      timeLimit: 9,
      softTimeLimit: 8,
      shadow: 'shd',
      priority: 3,
      stamps: { job: 'j1' },
      groupId: 'g',
      groupIndex: 2,
      replyTo: 'someone',
    });
    const { headers, properties, body } = message as {
      headers: Record<string, unknown>;
      properties: Record<string, unknown>;
      body: Uint8Array;
    };

    expect(headers).toMatchObject({
      id: 'same',
      task: 't.again',
      retries: 1,
      root_id: 'same',
      parent_id: 'same',
      ignore_result: true,
      timelimit: [9, 8],
      shadow: 'shd',
      my: 'hdr',
      group: 'g',
      group_index: 2,
      stamped_headers: ['job'],
      stamps: { job: 'j1' },
      origin: h.app.origin,
      argsrepr: '(1,)',
    });
    expect(headers).not.toHaveProperty('x-death');
    expect(properties).toMatchObject({
      correlationId: 'same',
      replyTo: 'someone',
      priority: 3,
      expiration: expect.stringMatching(/^\d{6}$/) as string,
    });
    expect((json(body) as unknown[])[2]).toEqual({ callbacks: [link], errbacks: [link], chain: null, chord: null });
  });

  test('an option that retry does not have fails the task and names it', async () => {
    h.app.task('typo', function () {
      return this.retry({ coutdown: 1 } as RetryOptions);
    });
    await h.start();

    await expect(h.run('typo')).rejects.toThrow('retry has no option coutdown; did you mean countdown?');
  });

  test('the retries that are used up show the arguments they would have had', async () => {
    h.app.task('tired', { params: ['x'], maxRetries: 0 }, function () {
      return this.retry({ args: [7] });
    });
    await h.start();

    await expect(h.run('tired', [1], { taskId: 'id' })).rejects.toThrow("Can't retry tired[id] args:(7,) kwargs:{}");
  });

  test('a retry that cannot be published is a rejection that says so', async () => {
    h.app.task('lost', { defaultRetryDelay: 0 }, function () {
      return this.retry({ kwargs: { bad: () => 1 } });
    });
    await h.start();

    await expect(h.run('lost')).rejects.toMatchObject({ excType: 'Reject', excMessage: [expect.stringContaining('retry'), false] });
  });
});

describe('automatic retry', () => {
  const request = (retries: number): Parameters<typeof automaticRetry>[1] => ({ retries }) as Parameters<typeof automaticRetry>[1];
  const error = new RangeError('x');
  const countdown = (options: TaskOptions, retries: number): number | undefined =>
    automaticRetry(error, request(retries), { autoretryFor: [RangeError], ...options })?.countdown;

  test('back-off doubles up to its ceiling, and jitter stays below it', () => {
    const fixed = { retryBackoff: 2.9, retryBackoffMax: 20, retryJitter: false };
    expect([0, 1, 2, 3, 4, 5000].map((retries) => countdown(fixed, retries))).toEqual([2, 4, 8, 16, 20, 20]);
    const jittered = Array.from({ length: 200 }, () => countdown({ retryBackoff: true, retryBackoffMax: 3 }, 9));
    expect(new Set(jittered)).toEqual(new Set([0, 1, 2, 3]));
    expect(countdown({}, 3)).toBeUndefined();
  });

  test('retryKwargs are passed on, and back-off wins over their countdown', () => {
    const options: TaskOptions = { autoretryFor: ['RangeError'], retryKwargs: { maxRetries: 7, countdown: 5 } };
    expect(automaticRetry(error, request(0), options)).toMatchObject({ error, maxRetries: 7, countdown: 5 });
    expect(automaticRetry(error, request(0), { ...options, retryBackoff: 3, retryJitter: false })?.countdown).toBe(3);
    expect(automaticRetry(error, request(0), { ...options, dontAutoretryFor: [RangeError] })).toBeUndefined();
  });
});
