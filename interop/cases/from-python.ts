/** The cases of the direction Python to TypeScript. */

import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect } from 'vitest';

import { Celery } from '../../src/celery.ts';
import type { Driver } from '../driver.ts';
import type { Cases } from '../matrix.ts';
import { checkCells, runCells } from '../matrix.ts';
import type { Outcome } from '../report.ts';
import type { Ground, Stage } from '../stages/stage.ts';

/** Callbacks that a test waits for, by the mark they carry. */
const marked = new Map<string, (value: unknown) => void>();

const concurrency = 8;
const prefetch = concurrency * 4;

const cases: Cases<Driver> = {
  args: async (driver) => expect(await value(driver, 'ts.add', [2, 3])).toBe(5),
  kwargs: async (driver) => expect((await driver.ask({ send: 'ts.add', args: [2], kwargs: { y: 40 }, get: 20 })).value).toBe(42),
  'typed JSON values': async (driver) => {
    const typed = { __type__: 'datetime', __value__: '2026-01-02T03:04:05.678901+00:00' };
    const reply = await driver.ask({ send: 'ts.echo', args: [typed], get: 20 });
    // Another release of kombu could pass the object through unread.
    expect(reply).toMatchObject({ type: 'datetime', value: typed });
  },
  unicode: async (driver) => expect(await value(driver, 'ts.echo', ['zażółć 漢字 🐇'])).toBe('zażółć 漢字 🐇'),
  'big ints': async (driver) =>
    expect((await driver.ask({ send: 'ts.big', args_json: '[1180591620717411303424]', get: 20 })).value).toBe(true),
  'NaN and Infinity': async (driver) =>
    expect((await driver.ask({ send: 'ts.nonfinite', args_json: '[NaN, Infinity, -Infinity]', get: 20 })).value).toBe(true),
  exception: async (driver) => {
    const reply = await driver.ask({ send: 'ts.fail', args: ['bad value'], get: 20 });
    expect(reply.error).toMatchObject({ type: 'RangeError', state: 'FAILURE', args: ["'bad value'"] });
    expect(reply.error?.traceback).toMatch(/^Traceback[\s\S]+RangeError: bad value/);
  },
  retry: async (driver) => expect(await value(driver, 'ts.retry', [])).toBe(2),
  countdown: async (driver) => {
    const sent = Date.now() / 1000;
    expect(await value(driver, 'ts.now', [], { countdown: 1 })).toBeGreaterThanOrEqual(sent + 0.9);
  },
  'countdown beyond the prefetch': async (driver) => {
    // Each waits in the worker unacknowledged; the prefetch has to grow past them.
    for (let sent = 0; sent <= 2 * prefetch; sent += 1) await driver.ask({ send: 'ts.now', options: { countdown: 600, expires: 3600 } });
    expect(await value(driver, 'ts.add', [2, 3])).toBe(5);
  },
  expires: async (driver) => {
    const reply = await driver.ask({ send: 'ts.add', args: [1, 1], options: { expires: -60 }, get: 20 });
    expect(reply.error).toMatchObject({ type: 'TaskRevokedError' });
  },
  ignore_result: async (driver) => {
    const reply = await driver.ask({ send: 'ts.add', args: [1, 1], options: { ignore_result: true }, get: 1 });
    expect(reply.value ?? null).toBeNull();
  },
  'custom id and headers': async (driver) => {
    const id = randomUUID();
    const seen = await value(driver, 'ts.context', [], { task_id: id, headers: { tenant: 'blue' } });
    expect(seen).toMatchObject({ id, tenant: 'blue' });
  },
  routing: async (driver) => expect(await value(driver, 'ts.context', [], { queue: 'other' })).toMatchObject({ queue: 'other' }),
  priority: async (driver) => expect(await value(driver, 'ts.context', [], { priority: 4 })).toMatchObject({ priority: 4 }),
  'protocol 1': async (driver) => {
    await driver.ask({ conf: { task_protocol: 1 } });
    expect(await value(driver, 'ts.add', [20, 3])).toBe(23);
    await driver.ask({ conf: { task_protocol: 2 } });
  },
  link: async (driver) => {
    const mark = randomUUID();
    const ran = new Promise((resolve) => marked.set(mark, resolve));
    const link = { task: 'ts.mark', args: [mark], kwargs: {}, options: { queue: 'ts' }, subtask_type: null, immutable: false };
    expect(await value(driver, 'ts.add', [1, 2], { link })).toBe(3);
    expect(await ran).toBe(3);
  },
  chain: async (driver) => {
    const chain = [
      { task: 'ts.add', args: [1, 2] },
      { task: 'ts.add', args: [10] },
    ];
    expect((await driver.ask({ chain, get: 20 })).value).toBe(13);
  },
};

async function value(driver: Driver, send: string, args: unknown[], options: Record<string, unknown> = {}): Promise<unknown> {
  const reply = await driver.ask({ send, args, options, get: 20 });
  expect(reply.error).toBeUndefined();
  return reply.value;
}

function register(app: Celery): void {
  app.task('ts.add', { params: ['x', 'y'] }, (x: number, y: number) => x + y);
  app.task('ts.echo', (item: unknown) => item);
  app.task('ts.big', (item: unknown) => item === 2n ** 70n);
  app.task('ts.nonfinite', (a: number, b: number, c: number) => Number.isNaN(a) && b === Infinity && c === -Infinity);
  app.task('ts.mark', (result: unknown, mark: string) => marked.get(mark)?.(result));
  app.task('ts.now', () => Date.now() / 1000);
  app.task('ts.fail', (message: string) => {
    throw new RangeError(message);
  });
  app.task('ts.retry', { maxRetries: 3 }, function retryTwice() {
    return this.retries < 2 ? this.retry({ countdown: 0 }) : this.retries;
  });
  app.task('ts.context', function describeContext() {
    const { id, request, deliveryInfo } = this;
    const { routingKey: queue, priority } = deliveryInfo;
    return { id, tenant: request.headers['tenant'], queue, priority };
  });
}

/** Celery to our worker, on each of `stages`. */
export function fromPython(stages: readonly Stage[]): void {
  const outcomes: Outcome[] = [];
  checkCells('from-python', cases, outcomes);

  describe.each(stages)('Celery $celery on $on to our worker over $row', (stage) => {
    let place: Ground;
    let app: Celery;
    let worker: ReturnType<Celery['worker']>;
    let driver: Driver;
    beforeAll(async () => {
      place = await stage.open('ts');
      app = new Celery('interop', { broker_url: place.broker, result_backend: place.backend, ...place.conf });
      register(app);
      worker = app.worker({ queues: ['ts', 'other'], concurrency });
      await worker.start();
      driver = await place.startDriver();
    });
    afterAll(async () => {
      await driver?.[Symbol.asyncDispose]();
      await worker?.stop();
      await app?.close();
      await place?.[Symbol.asyncDispose]();
    });
    runCells('from-python', stage, { cases, outcomes, context: () => driver });
  });
}
