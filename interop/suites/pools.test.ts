/** A Python client cannot tell which pool ran its task. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spawnReady } from '../../test/servers.ts';
import type { Driver, Reply } from '../driver.ts';
import { hostStages } from '../stages/host.ts';
import type { Ground } from '../stages/stage.ts';

const root = resolve(import.meta.dirname, '../..');
const typed = { __type__: 'datetime', __value__: '2026-01-02T03:04:05.678901+00:00' };

/** Name, arguments, options. */
type Call = readonly [string, readonly unknown[], Readonly<Record<string, unknown>>?];

const CALLS: readonly Call[] = [
  ['add', [2, 3]],
  ['echo', [typed]],
  ['echo', ['zażółć 漢字 🐇']],
  ['none', []],
  ['throw', []],
  ['custom', []],
  ['cyclic', []],
  ['reject', []],
  ['sleep', [60], { soft_time_limit: 0.2 }],
  ['sleep', [60], { time_limit: 0.3 }],
];

/** What a client sees, without what is different in every run. */
function seen({ value, type, error }: Reply): unknown {
  if (error === undefined) return { value, type };
  const { traceback, ...rest } = error;
  return { ...rest, last: traceback?.trim().split('\n').at(-1) };
}

describe.each(hostStages().filter(({ row, celery }) => row === 'amqp+redis' && celery === '5.7.0'))(
  'pools, asked from $celery',
  (stage) => {
    let ground: Ground;
    let driver: Driver;
    beforeAll(async () => {
      ground = await stage.open('pools');
      driver = await ground.startDriver();
    });
    afterAll(async () => {
      await driver?.[Symbol.asyncDispose]();
      await ground?.[Symbol.asyncDispose]();
    });

    const startWorker = (pool: string, queue: string): ReturnType<typeof spawnReady> =>
      spawnReady(process.execPath, {
        args: [
          `${root}/src/cli/main.ts`,
          '-A',
          `${root}/test/fixtures/pool-app.ts`,
          'worker',
          '-l',
          'INFO',
          '-P',
          pool,
          '-c',
          '2',
          '-Q',
          queue,
        ],
        env: { ...process.env, CELERY_BROKER_URL: ground.broker, CELERY_RESULT_BACKEND: ground.backend },
        readyText: /ready\./,
      });
    const answers = async (queue: string): Promise<unknown[]> => {
      const file = join(mkdtempSync(join(tmpdir(), 'tq-pool-')), 'tries');
      const replies: unknown[] = [];
      for (const [send, args, options] of [...CALLS, ['again', [file]] as Call])
        replies.push(seen(await driver.ask({ send, args, options: { ...options, queue }, get: 30 })));
      return replies;
    };

    test('prefork and threads answer as async does', async () => {
      const all: unknown[][] = [];
      for (const pool of ['async', 'prefork', 'threads']) {
        const queue = `pools-${randomUUID()}`;
        await using _worker = await startWorker(pool, queue);
        all.push(await answers(queue));
      }

      const [async_, prefork, threads] = all;
      // A killed child leaves no traceback, as in Python; a task that heeded its signal has one.
      const limit = CALLS.length - 1;
      expect(async_?.[limit]).toMatchObject({ type: 'TimeLimitExceeded', module: 'billiard.exceptions' });
      expect(prefork?.[limit]).toMatchObject({ type: 'TimeLimitExceeded', module: 'billiard.exceptions', args: ['0.3'], last: undefined });
      expect(prefork?.toSpliced(limit, 1)).toEqual(async_?.toSpliced(limit, 1));
      expect(threads).toEqual(prefork);
      expect(prefork?.at(-1)).toMatchObject({ value: 2 });
    });

    test('a killed child is a WorkerLostError that Python knows', async () => {
      const queue = `pools-${randomUUID()}`;
      await using _worker = await startWorker('prefork', queue);

      const reply = await driver.ask({ send: 'kill', args: ['SIGKILL'], options: { queue }, get: 30 });

      expect(reply.error).toMatchObject({
        type: 'WorkerLostError',
        module: 'billiard.exceptions',
        args: ["'Worker exited prematurely: signal 9 (SIGKILL) Job: 1.'"],
      });
      expect(seen(await driver.ask({ send: 'add', args: [1, 1], options: { queue }, get: 30 }))).toMatchObject({ value: 2 });
    });
  },
);
