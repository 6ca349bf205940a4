/** The cases of the direction TypeScript to Python. */

import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect } from 'vitest';

import { TaskRevokedError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import type { Cases } from '../matrix.ts';
import { checkCells, runCells } from '../matrix.ts';
import type { Outcome } from '../report.ts';
import type { Ground, Stage } from '../stages/stage.ts';

interface Context {
  readonly app: Celery;
  readonly place: Ground;
}

const wait = { timeout: 20 };

async function call(app: Celery, name: string, args: unknown[], options: Record<string, unknown> = {}): Promise<unknown> {
  return (await app.sendTask(name, args, options)).get(wait);
}

const cases: Cases<Context> = {
  args: async ({ app }) => expect(await call(app, 'py.add', [2, 3])).toBe(5),
  kwargs: async ({ app }) => expect(await call(app, 'py.add', [2], { kwargs: { y: 40 } })).toBe(42),
  'typed JSON values': async ({ app }) => {
    const value = await call(app, 'py.typed', []);
    expect(await call(app, 'py.echo', [value])).toEqual(value);
    expect(await call(app, 'py.describe', [new Uint8Array([0, 255])])).toEqual(['bytes', String.raw`b'\x00\xff'`]);
  },
  unicode: async ({ app }) => expect(await call(app, 'py.echo', ['zażółć 漢字 🐇 \u0000'])).toBe('zażółć 漢字 🐇 \u0000'),
  'big ints': async ({ app }) => expect(await call(app, 'py.mul', [2n ** 70n, 2])).toBe(2n ** 71n),
  'NaN and Infinity': async ({ app }) =>
    expect(await call(app, 'py.echo', [[Number.NaN, Infinity, -Infinity]])).toEqual([Number.NaN, Infinity, -Infinity]),
  exception: async ({ app }) => {
    await expect(call(app, 'py.fail', ['bad value'])).rejects.toThrow(/bad value/);
    await expect(call(app, 'py.fail_custom', ['own class'])).rejects.toThrow(/own class/);
  },
  retry: async ({ app }) => expect(await call(app, 'py.retry_twice', [])).toBe(2),
  countdown: async ({ app }) => {
    const sent = Date.now() / 1000;
    expect(await call(app, 'py.now', [], { countdown: 1 })).toBeGreaterThanOrEqual(sent + 0.9);
  },
  expires: async ({ app }) => {
    const result = await app.sendTask('py.echo', [1], { expires: new Date(Date.now() - 60_000) });
    await expect(result.get(wait)).rejects.toBeInstanceOf(TaskRevokedError);
  },
  ignore_result: async ({ app }) => {
    const ignored = await app.sendTask('py.echo', [1], { ignoreResult: true });
    expect(await call(app, 'py.echo', [2])).toBe(2);
    expect(await ignored.state()).toBe('PENDING');
  },
  'custom id and headers': async ({ app }) => {
    const id = randomUUID();
    const seen = await call(app, 'py.context', [], { taskId: id, headers: { tenant: 'blue' } });
    expect(seen).toMatchObject({ id, tenant: 'blue' });
  },
  routing: async ({ app }) => expect(await call(app, 'py.context', [], { queue: 'other' })).toMatchObject({ queue: 'other' }),
  priority: async ({ app }) => expect(await call(app, 'py.context', [], { priority: 4 })).toMatchObject({ priority: 4 }),
  'protocol 1': async ({ place }) => {
    await using old = client(place, { task_protocol: 1 });
    expect(await call(old, 'py.add', [20, 3])).toBe(23);
  },
  link: async ({ app, place }) => {
    const id = randomUUID();
    const link = { task: 'py.add', args: [10], kwargs: {}, options: { task_id: id }, subtask_type: null, immutable: false };
    expect(await call(app, 'py.add', [1, 2], { link })).toBe(3);
    // Over rpc a callback's result goes to nobody: Celery sends it without reply_to.
    if (place.backend !== 'rpc://') expect(await app.asyncResult(id).get(wait)).toBe(13);
  },
};

function client(place: Ground, more: Record<string, unknown> = {}): Celery {
  return new Celery('interop', { broker_url: place.broker, result_backend: place.backend, ...place.conf, ...more });
}

/** Our client to Celery, on each of `stages`. */
export function toPython(stages: readonly Stage[]): void {
  const outcomes: Outcome[] = [];
  checkCells('to-python', cases, outcomes);

  describe.each(stages)('our client to Celery $celery on $on over $row', (stage) => {
    let place: Ground;
    let worker: AsyncDisposable;
    let app: Celery;
    beforeAll(async () => {
      place = await stage.open('py');
      worker = await place.startWorker(['py', 'other']);
      app = client(place);
    });
    afterAll(async () => {
      await app?.close();
      await worker?.[Symbol.asyncDispose]();
      await place?.[Symbol.asyncDispose]();
    });
    runCells('to-python', stage, { cases, outcomes, context: () => ({ app, place }) });
  });
}
