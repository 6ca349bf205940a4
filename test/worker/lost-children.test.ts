import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { openPool } from '../conformance/pool.ts';
import { spawnReady } from '../servers.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const index = new URL('../../src/index.ts', import.meta.url).href;

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has ended: only its parent has not asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('children that are lost', () => {
  test('SIGKILL is worded as billiard words it, others go on, and one child is replaced', async () => {
    await using h = await openPool({ pool: 'prefork', concurrency: 2 });
    const before = h.worker.taskPool?.info()['processes'] as number[];
    const other = await h.send('sleep', [1, h.file('other')]);
    while (h.read('other').length === 0) await turn();

    await expect(h.run('kill', ['SIGKILL'])).rejects.toMatchObject({
      excType: 'WorkerLostError',
      excModule: 'billiard.exceptions',
      excMessage: ['Worker exited prematurely: signal 9 (SIGKILL) Job: 2.'],
    });

    expect(await other.get({ timeout: 30 })).toBe('slept');
    expect(await h.run('add', [1, 2])).toBe(3);
    const after = h.worker.taskPool?.info()['processes'] as number[];
    expect(after.filter((pid) => before.includes(pid))).toHaveLength(1);
    expect(after).toHaveLength(2);
  });

  test('one that dies without a task is said, and replaced after a pause', async () => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1 });
    const pid = (await h.run('pid')) as number;

    process.kill(pid, 'SIGKILL');

    expect(await h.logged(/died without a task/)).toBe(
      `error: A child of the prefork pool (pid ${pid}) died without a task: it ended with SIGKILL; another takes its place`,
    );
    expect(await h.run('pid')).not.toBe(pid);
  });

  test('a full heap says so', async () => {
    process.execArgv.push('--max-old-space-size=64');
    try {
      await using h = await openPool({ pool: 'prefork', concurrency: 1 });

      await expect(h.run('heap')).rejects.toMatchObject({
        excType: 'WorkerLostError',
        excMessage: [expect.stringMatching(/signal 6 \(SIGABRT\) Job: 1\. JavaScript heap out of memory\.$/)],
      });
      expect(await h.run('add', [1, 2])).toBe(3);
    } finally {
      process.execArgv.splice(process.execArgv.indexOf('--max-old-space-size=64'), 1);
    }
  }, 60_000);

  test('a task that ends its child every time fails after so many deliveries, said once; others run meanwhile', async () => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1 }, { task_max_deliveries: 4 });
    const poison = await h.send('poison', [h.file('runs')]);
    await h.logged(/goes back to its queue after run 1: WorkerLostError/);

    expect(await h.run('add', [1, 2])).toBe(3);
    await expect(poison.get({ timeout: 30 })).rejects.toMatchObject({ excType: 'WorkerLostError' });

    expect(h.read('runs')).toEqual(['run', 'run', 'run', 'run']);
    expect(h.lines.filter((line) => line.startsWith('critical:'))).toEqual([
      expect.stringMatching(/Task poison\[.*\] ended its child or its time 4 times: FAILURE, and its message is rejected/),
    ]);
  }, 60_000);

  test('children are replaced after so many tasks, or so much memory, and no task is lost', async () => {
    await using tasks = await openPool({ pool: 'prefork', concurrency: 1, maxTasksPerChild: 2 });
    await using memory = await openPool({ pool: 'prefork', concurrency: 1, maxMemoryPerChild: 1 });
    const pids: unknown[] = [];

    for (let index = 0; index < 4; index += 1) pids.push(await tasks.run('pid'));
    expect(pids[0]).toBe(pids[1]);
    expect(pids[2]).toBe(pids[3]);
    expect(pids[1]).not.toBe(pids[2]);
    expect(await memory.run('pid')).not.toBe(await memory.run('pid'));
    await memory.logged(/^warning: child process \d+ exiting after exceeding memory limit \(\d+KiB \/ 1KiB\)$/);
  }, 60_000);

  test('a late-acked task without acks_on_timeout goes back at its hard limit, so many times', async () => {
    await using h = await openPool(
      { pool: 'threads', concurrency: 1 },
      { task_acks_late: true, task_acks_on_timeout: false, task_max_deliveries: 2 },
    );

    await expect(h.run('spin', [], { timeLimit: 0.2 })).rejects.toMatchObject({ excType: 'TimeLimitExceeded', excMessage: [0.2] });

    expect(h.lines.filter((line) => line.includes('Hard time limit'))).toHaveLength(2);
  }, 60_000);

  test('stopping the pool by force gives late-acked messages back', async () => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1 }, { task_acks_late: true });
    const result = await h.send('deaf', [60]);
    await h.logged(/Task deaf\[.*received/);
    while (h.worker.running === 0) await turn();

    await h.worker.taskPool?.stop({ graceMs: 0 });

    await h.logged(/Task deaf\[.*was abandoned by the stopping worker; its message goes back/);
    expect(await result.state()).toBe('PENDING');
  }, 60_000);
});

describe('children and signals', { timeout: 60_000 }, () => {
  test('a signal that does not end a child costs no slot, and the next one can', async () => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1 });
    const ids: string[] = [];
    for (const seconds of [0.5, 20]) {
      const { id } = await h.send('sleep', [seconds, h.file('started')]);
      ids.push(id);
      while (h.read('started').length < ids.length) await turn();
      expect(h.worker.terminateTask(id, 'SIGURG')).toBe(true);
    }
    expect(h.worker.terminateTask(ids[1] ?? '', 'SIGKILL')).toBe(true);

    expect(await h.run('add', [1, 2])).toBe(3);
    expect(h.lines.filter((line) => line.includes('Terminating') || line.includes('erminated'))).toHaveLength(2);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1'] as const)('%s for a child alone does nothing', async (signal) => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1 });
    const gated = await h.send('gated', [h.file('started'), h.file('gate')]);
    while (h.read('started').length === 0) await turn();
    const [pid = Number.NaN] = (h.worker.taskPool?.info()['processes'] ?? []) as number[];

    process.kill(pid, signal);
    writeFileSync(h.file('gate'), '');

    expect(await gated.get({ timeout: 30 })).toBe('through');
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGUSR1'] as const)('a task that never pauses is ended with %s', async (signal) => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1 });
    const { id } = await h.send('spin');
    while (h.worker.running === 0) await turn();

    expect(h.worker.terminateTask(id, signal)).toBe(true);

    expect(await h.run('add', [1, 2])).toBe(3);
  });
});

describe('a task that waits for the next child', { timeout: 60_000 }, () => {
  test('has its time when it runs', async () => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1, maxTasksPerChild: 1 });
    await h.run('add', [1, 2]);

    expect(await h.run('add', [3, 4], { timeLimit: 0.05 })).toBe(7);
  });

  test('fails with its worker when its message is acked', async () => {
    await using h = await openPool({ pool: 'prefork', concurrency: 1, maxTasksPerChild: 1 });
    await h.run('add', [1, 2]);
    const waiting = await h.send('deaf', [20]);
    while (h.worker.running === 0) await turn();

    await h.worker.terminate();

    await expect(waiting.get({ timeout: 1 })).rejects.toMatchObject({ excType: 'WorkerLostError' });
  });
});

describe('children that do not come up', () => {
  test('an app that cannot be loaded is why the worker does not start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-pool-'));
    const module = join(folder, 'broken.mjs');
    writeFileSync(module, 'throw new Error("broken by hand");');

    await expect(openPool({ pool: 'prefork', concurrency: 1, source: { module } })).rejects.toThrow(
      /could not be started: .*broken by hand/,
    );
    await expect(openPool({ pool: 'threads', concurrency: 1, source: { module } })).rejects.toThrow(
      /could not be started: .*broken by hand/,
    );
  }, 60_000);

  test('a worker needs to know its module, and is not started inside a child', async () => {
    const app = new Celery('x', { broker_url: 'memory://pools' });
    await expect(app.worker({ pool: 'prefork' }).start()).rejects.toThrow(/source: \{ module: import\.meta\.url \}/);
    await expect(app.worker({ pool: 'threads', source: { module: import.meta.url } }).start()).rejects.toThrow(
      /memory broker is of one process/,
    );
    expect(() => app.worker({ pool: 'processes' as 'prefork' })).toThrow(
      /the pools are async, solo, prefork, threads; there is no 'processes'/,
    );
    const folder = mkdtempSync(join(tmpdir(), 'tq-pool-'));
    const module = join(folder, 'bomb.mjs');
    writeFileSync(
      module,
      `import { Celery } from '${index}'; export const app = new Celery('b', { broker_url: 'memory://b' }); await app.worker().start();`,
    );

    await expect(openPool({ pool: 'prefork', concurrency: 1, source: { module } })).rejects.toThrow(/started in a child of its own pool/);
    await app.close();
  }, 60_000);
});

describe('tq-bridge worker -P prefork', () => {
  test('signals of processes come once a child; no child outlives a worker that is killed, not even one in a loop', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-pool-'));
    const at = { data_folder_in: join(folder, 'd'), data_folder_out: join(folder, 'd'), control_folder: join(folder, 'c') };
    const settings = { broker_url: 'filesystem://', broker_transport_options: at, result_backend: `file://${folder}/r` };
    writeFileSync(
      join(folder, 'app.mjs'),
      `import { appendFileSync } from 'node:fs';
       import { Celery } from '${index}';
       export const app = new Celery('proj', ${JSON.stringify({ ...settings, worker_proc_alive_timeout: 30 })});
       const note = (line) => appendFileSync('notes', line + '\\n');
       app.signals.on('worker_process_init', () => note('init ' + process.pid));
       app.signals.on('worker_process_shutdown', () => note('shutdown ' + process.pid));
       app.signals.on('task_received', () => note('received ' + process.pid));
       app.signals.on('task_prerun', () => note('prerun ' + process.pid));
       app.task('pid', () => process.pid);
       app.task('spin', () => { note('spin ' + process.pid); for (;;); });`,
    );
    const start = (): ReturnType<typeof spawnReady> =>
      spawnReady(process.execPath, {
        args: [main, '-A', 'app', 'worker', '-P', 'prefork', '-c', '2', '-l', 'INFO'],
        cwd: folder,
        readyText: /ready\./,
      });
    const notes = (what: string): number[] => {
      const text = existsSync(join(folder, 'notes')) ? readFileSync(join(folder, 'notes'), 'utf8') : '';
      return [...text.matchAll(new RegExp(`^${what} (\\d+)$`, 'gm'))].map((match) => Number(match[1]));
    };
    await using app = new Celery('client', settings);
    const first = await start();
    const pid = await (await app.sendTask('pid')).get({ timeout: 30 });
    process.kill(first.pid, 'SIGTERM');
    expect(await first.exitCode).toBe(0);

    expect(notes('init')).toHaveLength(2);
    expect(new Set(notes('shutdown'))).toEqual(new Set(notes('init')));
    expect(notes('received')).toEqual([first.pid]);
    expect(notes('prerun')).toEqual([pid]);
    expect(notes('init')).toContain(pid);

    const second = await start();
    await app.sendTask('spin');
    while (notes('spin').length === 0) await turn();
    process.kill(second.pid, 'SIGKILL');
    await second.exitCode;
    const children = notes('init').slice(2);
    expect(children).toHaveLength(2);
    while (children.some(isAlive)) await turn();
  }, 60_000);
});
