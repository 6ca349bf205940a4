import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../src/app/settings.ts';
import { AppClosedError, BackendDisabledError, EncodeError, ImproperlyConfiguredError, OperationalError } from '../../src/base/errors.ts';
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
  ])('%j is refused with a reason', (input, reason) => {
    expect(() => parseSettings(input)).toThrow(ImproperlyConfiguredError);
    expect(() => parseSettings(input)).toThrow(reason);
  });
});

describe('app', () => {
  test('an option that does not exist is a TypeError with the nearest name', async () => {
    await using app = new Celery('x', { broker_url: 'memory://' });

    await expect(app.sendTask('t', [], { countdwn: 1 } as object)).rejects.toThrow('did you mean countdown');
    await expect(app.sendTask('t', [], { countdown: Number.NaN })).rejects.toThrow(TypeError);
    await expect(app.sendTask('t', 'text' as never)).rejects.toThrow('arguments come as an array');
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
