import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { DateTime, Decimal, Uuid } from '../../src/base/values.ts';
import { Celery } from '../../src/celery.ts';
import type { Driver } from '../driver.ts';
import { hostStages } from '../stages/host.ts';
import type { Ground } from '../stages/stage.ts';

/** kombu's names, both where there are two. */
const compressions = ['gzip', 'zlib', 'bzip2', 'lzma', 'xz', 'brotli', 'zstd'];
const wait = { timeout: 20 };
const megabyte = randomBytes(500_000).toString('hex');
const plain = { empty: '', unicode: 'zażółć 漢字 🐇 \u0000', numbers: [1, 2.5, 2 ** 40, null, true], nested: { a: [{ b: {} }] }, megabyte };
/** Releases before 5.3 have no typed values. */
const typed = {
  at: DateTime.fromIso('2026-01-02T03:04:05.678901+00:00'),
  decimal: new Decimal('1.10'),
  uuid: new Uuid('12345678-1234-4678-9234-567812345678'),
  bytes: new Uint8Array([0, 255]),
  big: 2n ** 70n,
};

describe.each(hostStages().filter(({ row }) => row === 'amqp+redis'))('compression with Celery $celery', (stage) => {
  const { celery } = stage;
  let place: Ground;
  let driver: Driver;
  let client: Celery;
  let pythonWorker: AsyncDisposable;
  const values = celery.startsWith('5.2') ? plain : { ...plain, typed };
  const settings = (): Record<string, unknown> => ({ broker_url: place.broker, result_backend: place.backend, ...place.conf });

  beforeAll(async () => {
    place = await stage.open('squeezed');
    client = new Celery('client', settings());
    [pythonWorker, driver] = await Promise.all([place.startWorker(['py']), place.startDriver()]);
  });
  afterAll(async () => {
    await driver?.[Symbol.asyncDispose]();
    await client?.close();
    await pythonWorker?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  test.each(compressions)('Python runs what we compressed with %s', async (compression) => {
    for (const value of Object.values(values)) {
      const result = await client.sendTask('py.echo', [value], { queue: 'py', compression });
      expect(await result.get(wait)).toEqual(value);
    }
  });

  test.each(compressions)('we run what Python compressed with %s, and Python reads our result', async (compression) => {
    await using app = new Celery('worker', settings());
    const seen: unknown[] = [];
    app.task('ts.echo', (value: unknown) => {
      seen.push(value);
      return value;
    });
    await using worker = app.worker();
    await worker.start();

    for (const value of Object.values(plain)) {
      const reply = await driver.ask({ send: 'ts.echo', args: [value], options: { compression }, get: 20 });
      expect(reply).toMatchObject({ value });
      expect(seen.pop()).toEqual(value);
    }
  });

  test.each(compressions)('a result that we store compressed with %s is read by Celery 5.7, and refused by those before', async (name) => {
    await using app = new Celery('worker', { ...settings(), result_compression: name });
    app.task('ts.echo', (value: unknown) => value);
    await using worker = app.worker();
    await worker.start();

    const asked = driver.ask({ send: 'ts.echo', args: [plain.nested], get: 20 });

    if (celery >= '5.7') expect(await asked).toMatchObject({ value: plain.nested });
    else await expect(asked).rejects.toThrow('DecodeError');
  });
});
