/** Every serializer, compressed and not, with every type that it carries: both directions, results in the same serializer. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Celery } from '../../src/celery.ts';
import type { Driver } from '../driver.ts';
import { compressions, everyType, payloads, serializers } from '../formats.ts';
import type { Format, Payload } from '../formats.ts';
import { celeryVersions, pythonAt, startServers } from '../stages/host.ts';
import type { Servers } from '../stages/host.ts';

const cleanup = new AsyncDisposableStack();
let shared: Servers;
beforeAll(async () => {
  shared = await startServers(cleanup, 'amqp+redis');
});
afterAll(() => cleanup.disposeAsync());

/** The same servers, where both sides accept every serializer and results travel in `format`. */
function placeFor(format: Format, queue: string): Servers {
  return { ...shared, conf: { task_default_queue: queue, accept_content: [...serializers], result_serializer: format } };
}

/** A type of the user's own; `python/points.py` has its counterpart. */
class Point {
  readonly x: number;
  readonly y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
}

function appAt({ broker, backend, conf }: Servers): Celery {
  const app = new Celery('interop', { broker_url: broker, result_backend: backend, ...conf });
  app.registerJsonType(
    Point,
    'point',
    ({ x, y }) => [x, y],
    ([x = 0, y = 0]) => new Point(x, y),
  );
  return app;
}

/** One test for each compression and payload. */
function runCells(format: Format, run: (payload: Payload, options: Record<string, unknown>) => Promise<void>): void {
  for (const compression of compressions) {
    test.each(Object.entries(payloads(format)))(`${format}, ${compression ?? 'plain'}, %s`, async (_name, payload) => {
      await run(payload, { serializer: format, ...(compression === undefined ? undefined : { compression }) });
    });
  }
}

// kombu before 5.3 has no typed values in JSON.
describe.each(celeryVersions().filter((version) => !version.startsWith('5.2')))('Celery %s', (celery) => {
  describe.each(serializers)('our client and its worker in %s', (format) => {
    const owned = new AsyncDisposableStack();
    let app: Celery;
    beforeAll(async () => {
      const place = placeFor(format, `py.${celery}.${format}`);
      app = owned.use(appAt(place));
      owned.use(await pythonAt(celery, place).startWorker([String(place.conf['task_default_queue'])]));
    });
    afterAll(() => owned.disposeAsync());

    runCells(format, async ({ value }, options) => {
      const result = await app.sendTask('py.echo', [value], options);
      expect(await result.get({ timeout: 60 })).toStrictEqual(value);
    });

    test('Python takes each value for what it is', async () => {
      const types = everyType[format];
      const result = await app.sendTask('py.types', [types.map(([value]) => value)], { serializer: format });
      expect(await result.get({ timeout: 60 })).toEqual(types.map(([, , type]) => type));
    });

    test.runIf(format === 'json')('Python takes a registered type for its own', async () => {
      const [types, echo] = [await app.sendTask('py.types', [[new Point(1, 2)]]), await app.sendTask('py.echo', [[new Point(1, 2)]])];
      expect(await types.get({ timeout: 60 })).toEqual(['Point']);
      expect(await echo.get({ timeout: 60 })).toStrictEqual([new Point(1, 2)]);
    });
  });

  describe.each(serializers)('its client and our worker in %s', (format) => {
    const owned = new AsyncDisposableStack();
    let driver: Driver;
    beforeAll(async () => {
      const place = placeFor(format, `ts.${celery}.${format}`);
      const app = owned.use(appAt(place));
      app.task('ts.echo', (item: unknown) => item);
      app.task('ts.moved', ({ x, y }: Point) => new Point(x + 1, y));
      await owned.use(app.worker()).start();
      driver = owned.use(await pythonAt(celery, place).startDriver());
    });
    afterAll(() => owned.disposeAsync());

    runCells(format, async ({ python }, options) => {
      const reply = await driver.ask({ echo: 'ts.echo', python, options, get: 60 });
      expect(reply.error).toBeUndefined();
      const [sent, back] = reply.value as [string, string];
      expect(back).toBe(sent);
    });

    test.runIf(format === 'json')('a registered type arrives as what it is here, and goes back', async () => {
      const reply = await driver.ask({ echo: 'ts.moved', python: 'Point(1, 2)', get: 60 });
      expect(reply).toMatchObject({ value: ['Point(x=1, y=2)', 'Point(x=2, y=2)'] });
    });
  });
});
