import { mkdtempSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../src/app/settings.ts';
import {
  AppClosedError,
  BackendDisabledError,
  BackendUnavailableError,
  EncodeError,
  ImproperlyConfiguredError,
  OperationalError,
  ResultTimeoutError,
} from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';

describe('settings', () => {
  test('Celery’s defaults fill what is not given', () => {
    expect(parseSettings({})).toMatchObject({
      broker_url: 'amqp://guest:guest@localhost:5672//',
      task_default_queue: 'celery',
      worker_prefetch_multiplier: 4,
    });
  });

  test('the environment wins, as in Celery', () => {
    const env = { CELERY_BROKER_URL: 'memory://env', CELERY_RESULT_BACKEND: 'rpc://' };

    expect(parseSettings({ broker_url: 'memory://given' }, env)).toMatchObject({ broker_url: 'memory://env', result_backend: 'rpc://' });
  });

  test.each([
    [{ broker_ulr: 'x' }, 'did you mean broker_url'],
    [{ BROKER_URL: 'x' }, 'did you mean broker_url'],
    [{ beat_schedule: {} }, 'not built yet'],
    [{ task_acks_late: 'yes' }, 'task_acks_late must be true or false'],
    [{ timezone: 'Europe/Berlin' }, 'timezone'],
    [{ task_publish_retry_policy: { retries: 3 } }, 'max_retries'],
    [{ task_publish_retry_policy: { interval_step: Number.NaN } }, 'interval_step'],
    [{ task_publish_retry_policy: { max_retries: 1.5 } }, 'max_retries'],
    [{ result_expires: Number.POSITIVE_INFINITY }, 'result_expires'],
    [{ result_expires: -1 }, 'result_expires'],
    [{ task_default_priority: 256 }, 'task_default_priority'],
    [{ worker_concurrency: 1.5 }, 'worker_concurrency'],
    [{ task_default_queue: null }, 'task_default_queue'],
    [{ CELERY_TASK_SERIALIZER: 'json' }, 'did you mean task_serializer'],
    [{ CELERY_ACKS_LATE: true }, 'did you mean task_acks_late'],
    [{ CELERY_RESULT_SERIALIZER: 'json' }, 'did you mean result_serializer'],
    [{ CELERY_TASK_RESULT_EXPIRES: 5 }, 'did you mean result_expires'],
    [{ CELERYD_CONCURRENCY: 5 }, 'did you mean worker_concurrency'],
    [{ CELERYBEAT_SCHEDULE: {} }, 'did you mean beat_schedule'],
  ])('%j is refused with a reason', (input, reason) => {
    expect(() => parseSettings(input)).toThrow(ImproperlyConfiguredError);
    expect(() => parseSettings(input)).toThrow(reason);
  });
});

test('null means never and without end', () => {
  const input = { result_expires: null, broker_connection_max_retries: null, broker_heartbeat: null };

  expect(parseSettings(input)).toMatchObject(input);
});

describe('app', () => {
  test('an option that does not exist is a TypeError with the nearest name', async () => {
    await using app = new Celery('x', { broker_url: 'memory://' });

    await expect(app.sendTask('t', [], { countdwn: 1 } as object)).rejects.toThrow('did you mean countdown');
    await expect(app.sendTask('t', [], { countdown: Number.NaN })).rejects.toThrow(TypeError);
    await expect(app.sendTask('t', 'text' as never)).rejects.toThrow('arguments come as an array');
  });

  test.each([
    [{ priority: 256 }, 'priority'],
    [{ priority: 1.5 }, 'priority'],
    [{ kwargs: [1] }, 'kwargs'],
    [{ queue: 5 }, 'queue'],
    [{ headers: 'x' }, 'headers'],
    [{ eta: new Date(Number.NaN) }, 'eta'],
    [{ expires: '2026' }, 'expires'],
    [{ link: 'tasks.next' }, 'link'],
    [{ deliveryMode: 3 }, 'deliveryMode'],
    [{ retryPolicy: { max_retries: -1 } }, 'max_retries'],
    [{ taskId: '' }, 'taskId'],
  ])('the option %j is refused', async (options, name) => {
    await using app = new Celery('x', { broker_url: 'memory://' });

    await expect(app.sendTask('t', [], options as never)).rejects.toThrow(name);
  });

  test('many sends to a broker that is down reject together, within the retry policy', async () => {
    await using app = new Celery('x', { broker_url: 'amqp://guest:s3cret@127.0.0.1:1//' });
    const started = performance.now();

    const sends = await Promise.allSettled(Array.from({ length: 100 }, () => app.sendTask('t')));

    expect(sends.every((send) => send.status === 'rejected' && send.reason instanceof OperationalError)).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(550);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test('a timeout of 0 asks once', async () => {
    await using app = new Celery('x', { broker_url: 'memory://', result_backend: `memory://${crypto.randomUUID()}` });
    const result = await app.sendTask('nobody.runs.this');

    await expect(result.get({ timeout: 0 })).rejects.toBeInstanceOf(ResultTimeoutError);

    const done = { status: 'SUCCESS', result: 5, traceback: null, children: [], date_done: null, task_id: result.id };
    await (await app.backend()).storeResult(done, { replyTo: undefined, correlationId: undefined });
    expect(await result.get({ timeout: 0 })).toBe(5);
  });

  test('an ignored result is null at once', async () => {
    await using app = new Celery('x', { broker_url: 'memory://', result_backend: 'memory://' });

    expect(await (await app.sendTask('t', [], { ignoreResult: true })).get()).toBeNull();
  });

  test('a result backend that could not be opened is tried again', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tq-')), 'results');
    writeFileSync(file, '');
    await using app = new Celery('x', { broker_url: 'memory://', result_backend: `file://${file}` });
    const result = app.asyncResult('t');
    await expect(result.state()).rejects.toBeInstanceOf(BackendUnavailableError);
    unlinkSync(file);

    expect(await result.state()).toBe('PENDING');
  });

  test('what cannot be serialised rejects before anything is sent', async () => {
    await using app = new Celery('x', { broker_url: 'memory://' });

    await expect(app.sendTask('t', [new Map()])).rejects.toBeInstanceOf(EncodeError);
  });

  test('a broker that is down rejects after the retry policy', async () => {
    await using app = new Celery('x', { broker_url: 'amqp://guest:s3cret@127.0.0.1:1//' });

    const sent = app.sendTask('t', [], { retryPolicy: { max_retries: 1, interval_step: 0 } });

    await expect(sent).rejects.toBeInstanceOf(OperationalError);
    await expect(sent).rejects.not.toThrow('s3cret');
  });

  test('a closed app sends nothing', async () => {
    const app = new Celery('x', { broker_url: 'memory://' });
    await app.close();

    await expect(app.sendTask('t')).rejects.toBeInstanceOf(AppClosedError);
  });

  test('a result without a backend says what to set', async () => {
    await using app = new Celery('x', { broker_url: 'memory://' });
    const result = await app.sendTask('t');

    await expect(result.get({ timeout: 1 })).rejects.toBeInstanceOf(BackendDisabledError);
  });

  test('awaiting a result object does not wait for the task', async () => {
    await using app = new Celery('x', { broker_url: 'memory://', result_backend: 'memory://' });

    const result = await (async () => app.sendTask('nobody.runs.this'))();

    expect(await result.state()).toBe('PENDING');
  });

  test('a task name is taken once', () => {
    const app = new Celery('x', { broker_url: 'memory://' });
    app.task('t', () => 1);

    expect(() => app.task('t', () => 2)).toThrow(TypeError);
  });

  test('labels carry no password', () => {
    const app = new Celery('x', {
      broker_url: 'amqp://u:s3cret@a//;amqp://u:s3cret@b//',
      result_backend: 'redis://:s3cret@c/1?password=s3cret',
    });

    expect(`${app.brokerLabel} ${app.backendLabel}`).not.toContain('s3cret');
  });
});
