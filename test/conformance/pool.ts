import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import type { LogLevel } from '../../src/base/logger.ts';
import { DateTime, Decimal, Uuid } from '../../src/base/values.ts';
import type { Celery } from '../../src/celery.ts';
import type { AsyncResult } from '../../src/app/result.ts';
import { signature } from '../../src/protocol/signature.ts';
import type { Running } from '../../src/worker/pending.ts';
import type { PoolName } from '../../src/worker/pool/registry.ts';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';
import { poolApp } from '../fixtures/pool-app.ts';

/** An app with the suite's tasks on a filesystem broker of its own, and its worker. */
export interface PoolPlace extends AsyncDisposable {
  readonly app: Celery;
  readonly worker: Worker;
  readonly folder: string;
  readonly lines: string[];
  run(name: string, args?: unknown[], options?: object): Promise<unknown>;
  send(name: string, args?: unknown[], options?: object): Promise<AsyncResult>;
  /** Resolves with the first line of the log that matches. */
  logged(pattern: RegExp): Promise<string>;
  file(name: string): string;
  read(name: string): string[];
}

const module = new URL('../fixtures/pool-app.ts', import.meta.url).href;

/** Starts a worker with a pool. */
export async function openPool(options: WorkerOptions, settings: Readonly<Record<string, unknown>> = {}): Promise<PoolPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'tq-pool-'));
  const app = poolApp();
  const at = { data_folder_in: join(folder, 'd'), data_folder_out: join(folder, 'd'), control_folder: join(folder, 'c') };
  app.configure({
    broker_url: 'filesystem://',
    broker_transport_options: at,
    result_backend: `file://${folder}/r`,
    worker_proc_alive_timeout: 30,
    ...settings,
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const write =
    (level: LogLevel) =>
    (text: string): void => {
      lines.push(`${level}: ${text}`);
      for (const look of waiting) look();
    };
  app.setLogger({
    ...silentLogger,
    info: write('info'),
    warning: write('warning'),
    error: write('error'),
    critical: write('critical'),
    isEnabled: (level) => level !== 'debug',
  });
  const worker = app.worker({ concurrency: 2, source: { module }, ...options });
  await worker.start();
  const send = (name: string, args: unknown[] = [], more: object = {}): Promise<AsyncResult> => app.sendTask(name, args, more);
  return {
    app,
    worker,
    folder,
    lines,
    send,
    run: async (...call) => (await send(...call)).get({ timeout: 30 }),
    logged: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          const line = lines.find((one) => pattern.test(one));
          if (line === undefined) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
      }),
    file: (name) => join(folder, name),
    read: (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim().split('\n') : []),
    [Symbol.asyncDispose]: async () => {
      await worker.stop();
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What every pool does. `isolated`: tasks run in a thread or process of their own, `killable` by a signal. */
export function poolConformance(
  pool: PoolName,
  { isolated, concurrent }: { readonly isolated: boolean; readonly concurrent: boolean },
): void {
  // Children start as fast as the machine lets them.
  describe(`the ${pool} pool`, { timeout: 60_000 }, () => {
    const open = (): Promise<PoolPlace> => openPool({ pool, concurrency: concurrent ? 2 : 1 });
    let h: PoolPlace;
    beforeAll(async () => {
      h = await open();
    }, 60_000);
    beforeEach(() => void h.lines.splice(0));
    afterAll(() => h[Symbol.asyncDispose]());

    test('a line of the log may have any fields', async () => {
      expect(await h.run('logs')).toBe('logged');

      await h.logged(/^info: it logs$/);
    });

    test('runs tasks, and every typed value goes in and comes out', async () => {
      const value = {
        big: 2n ** 70n,
        nan: Number.NaN,
        at: DateTime.fromIso('2026-01-02T03:04:05.678901+02:00'),
        price: new Decimal('1.10'),
        id: new Uuid('7b7f8a1e-6c7b-4b0e-9d7f-0a3b5a0d7c11'),
        bytes: new Uint8Array([0, 255]),
        nothing: null,
        nested: [[], {}],
      };

      expect(await h.run('add', [2], { kwargs: { y: 3 } })).toBe(5);
      expect(await h.run('none')).toBeNull();
      expect(await h.run('echo', [value])).toEqual(value);
    });

    test('a megabyte goes in and comes out', async () => {
      const text = 'é'.repeat(500_000);

      expect(await h.run('echo', [text])).toBe(text);
    });

    test('errors arrive as they do from the worker itself, with their causes', async () => {
      await expect(h.run('throw')).rejects.toMatchObject({ excType: 'RangeError', excMessage: ['out of range'] });
      await expect(h.run('custom')).rejects.toMatchObject({
        excType: 'Custom',
        excModule: 'shop.errors',
        excMessage: ['no', 7, new Decimal('1.50')],
      });
      const failed = await h.send('throw');
      await expect(failed.get({ timeout: 30 })).rejects.toMatchObject({
        remoteTraceback: expect.stringMatching(/TypeError: the cause[\s\S]*direct cause[\s\S]*RangeError: out of range/) as string,
      });
    });

    test('what cannot be serialised fails the task, and sends no callback', async () => {
      await expect(h.run('cyclic', [], { link: signature('add', [1]) })).rejects.toMatchObject({ excType: 'EncodeError' });
      await h.send('cyclic.ignored');

      await h.logged(/cyclic\.ignored\[.*succeeded in .*\[\.\.\.\]/);
      expect(h.lines.some((line) => line.includes('Task add'))).toBe(false);
    });

    test('Reject and Ignore do what they do', async () => {
      await expect(h.run('reject')).rejects.toMatchObject({ excType: 'Reject' });
      await h.send('ignore');

      await h.logged(/Task ignore\[.*\] ignored/);
    });

    test('a retry is published where the task runs', async () => {
      expect(await h.run('again', [h.file('tries')])).toBe(2);
      expect(h.read('tries')).toEqual(['0', '1', '2']);
      expect(h.lines.some((line) => /Task again\[.*retry: Retry in 0s: Error\('not yet'\)/.test(line))).toBe(true);
    });

    test('states of its own are stored while it runs', async () => {
      const result = await h.send('state', [h.file('go')]);
      for (;;) if ((await result.state()) === 'PROGRESS') break;
      writeFileSync(h.file('go'), '');

      expect(await result.get({ timeout: 30 })).toBe('done');
    });

    test('tasks it sends, and callbacks, are its children', async () => {
      const result = await h.send('sub', [], { link: signature('echo') });

      const id = await result.get({ timeout: 30 });
      const children = (await result.children())?.map((child) => child.id);
      expect(children).toHaveLength(2);
      expect(children?.[0]).toBe(id);
    });

    test('the soft time limit aborts the signal: a task can tidy up, or fails as Python fails', async () => {
      const soft = { softTimeLimit: 0.2 };

      expect(await h.run('tidy', [60], soft)).toBe('SoftTimeLimitExceeded');
      await expect(h.run('sleep', [60], soft)).rejects.toMatchObject({
        excType: 'SoftTimeLimitExceeded',
        excModule: 'billiard.exceptions',
        excMessage: [],
      });
      expect(h.lines.filter((line) => /^warning: Soft time limit \(0\.2s\) exceeded for (tidy|sleep)\[/.test(line))).toHaveLength(2);
    });

    test('the hard time limit of a task that heeds its signal', async () => {
      const result = await h.send('sleep', [60], { timeLimit: 0.3, linkError: signature('echo') });

      await expect(result.get({ timeout: 30 })).rejects.toMatchObject({
        excType: 'TimeLimitExceeded',
        excModule: 'billiard.exceptions',
        excMessage: [0.3],
      });
      await h.logged(/^error: Hard time limit \(0\.3s\) exceeded for sleep\[/);
      await h.logged(/Task echo\[.*succeeded/);
      expect(await h.run('add', [1, 1])).toBe(2);
      expect(h.lines.filter((line) => /Task echo\[.*succeeded/.test(line))).toHaveLength(1);
    });

    test('limits by setting, by task name, and by the message, which wins', async () => {
      h.worker.timeLimits.set('sleep', { soft: 0.1, hard: null });
      onTestFinished(() => h.worker.timeLimits.set('sleep', { soft: null, hard: null }));

      await expect(h.run('sleep', [60])).rejects.toMatchObject({ excType: 'SoftTimeLimitExceeded' });
      expect(await h.run('sleep', [0.3], { softTimeLimit: 20 })).toBe('slept');
    });

    test('stops with work in flight: what runs is finished', async () => {
      await using own = await open();
      const result = await own.send('sleep', [0.5, own.file('started')]);
      await vi.waitUntil(() => own.read('started').length > 0, { timeout: 30_000, interval: 10 });

      await own.worker.stop();

      expect(await result.get({ timeout: 5 })).toBe('slept');
    });

    test.runIf(concurrent)('grows and shrinks while tasks run', async () => {
      await using own = await open();
      const files = ['1', '2', '3', '4'].map((name) => own.file(name));
      await own.worker.resize(4);
      const results = await Promise.all(files.map((file) => own.send('gated', [file, own.file('gate')])));
      await vi.waitUntil(() => files.every((file) => existsSync(file)), { timeout: 30_000, interval: 10 });
      expect(own.worker.running).toBe(4);

      await own.worker.resize(1);
      writeFileSync(own.file('gate'), '');

      for (const result of results) expect(await result.get({ timeout: 30 })).toBe('through');
      expect(own.worker.taskPool?.size).toBe(1);
      expect(await own.run('add', [1, 1])).toBe(2);
      await expect(own.worker.resize(0)).rejects.toThrow(RangeError);
    });

    if (isolated) isolatedCases(() => h, pool);
  });
}

/** What pools with children do besides. */
function isolatedCases(place: () => PoolPlace, pool: PoolName): void {
  test('a handler that never lets go is ended at its hard limit, and its child replaced', async () => {
    const h = place();
    const other = await h.send('sleep', [2]);
    const result = await h.send('spin', [], { timeLimit: 0.5 });

    await expect(result.get({ timeout: 30 })).rejects.toMatchObject({
      excType: 'TimeLimitExceeded',
      excMessage: [0.5],
      remoteTraceback: undefined,
    });

    expect(await other.get({ timeout: 30 })).toBe('slept');
    expect(await Promise.all([h.run('add', [1, 1]), h.run('add', [2, 2])])).toEqual([2, 4]);
  });

  test('process.exit in a handler loses its child: WorkerLostError, and the next is there', async () => {
    const h = place();

    await expect(h.run('exit', [3])).rejects.toMatchObject({
      excType: 'WorkerLostError',
      excModule: 'billiard.exceptions',
      excMessage: ['Worker exited prematurely: exitcode 3.'],
    });

    expect(await Promise.all([h.run('add', [1, 1]), h.run('add', [2, 2])])).toEqual([2, 4]);
  });

  test('a task may be retried when its child is lost, as often as it may', async () => {
    const h = place();

    await expect(h.run('lost.retried', [h.file('lost')])).rejects.toMatchObject({ excType: 'WorkerLostError' });

    expect(h.read('lost')).toEqual(['0', '1', '2']);
  });

  test('terminate ends a running task: REVOKED', async () => {
    const h = place();
    const result = await h.send('deaf', [60]);
    // A task before it may still be on its way out.
    const started = (): Running | undefined => [...h.worker.state.active].find(({ pending }) => pending.request.id === result.id);
    const running = await vi.waitUntil(started, { timeout: 30_000, interval: 10 });

    expect(h.worker.taskPool?.terminate(running, 'SIGTERM')).toBe(true);

    await expect(result.get({ timeout: 30 })).rejects.toMatchObject({ excType: 'TaskRevokedError', excMessage: ['terminated'] });
    expect(await result.state()).toBe('REVOKED');
    expect(h.worker.taskPool?.terminate(running, 'SIGTERM')).toBe(false);
  });

  test('what a task says on the channel of its child is not heard', async () => {
    const h = place();

    expect(await h.run('chatter')).toBe('sent');
    expect(await Promise.all([h.run('add', [1, 1]), h.run('add', [2, 2])])).toEqual([2, 4]);
  });

  test('stray errors are named, and cost nothing else', async () => {
    const h = place();

    expect(await h.run('stray')).toBe('fine');
    await h.logged(/Task stray\[.*left an uncaught error: .*from a timer/);
  });

  test(`${pool}: a restart replaces every child`, async () => {
    const h = place();

    await h.worker.taskPool?.restart();

    expect(await h.run('add', [1, 1])).toBe(2);
  });
}
