import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { spawnReady } from '../servers.ts';
import type { Child } from '../servers.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const index = new URL('../../src/index.ts', import.meta.url).href;

interface Project {
  readonly folder: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A folder with `app.mjs` on a filesystem broker of its own. */
function project(code: string, more: Readonly<Record<string, unknown>> = {}): Project {
  const folder = mkdtempSync(join(tmpdir(), 'tq-worker-'));
  const options = { data_folder_in: join(folder, 'd'), data_folder_out: join(folder, 'd'), control_folder: join(folder, 'c') };
  const settings = { broker_url: 'filesystem://', broker_transport_options: options, result_backend: `file://${folder}/r`, ...more };
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { Celery } from '${index}';\nexport const app = new Celery('proj', ${JSON.stringify(settings)});\n${code}`,
  );
  return { folder, settings };
}

function start({ folder }: Project, args: readonly string[] = [], readyText = /ready\./): Promise<Child> {
  const { CELERY_BROKER_URL: _broker, CELERY_RESULT_BACKEND: _backend, CELERY_APP: _app, ...env } = process.env;
  return spawnReady(process.execPath, {
    args: [main, '-A', 'app', 'worker', '-l', 'INFO', ...args],
    cwd: folder,
    env,
    readyText,
  });
}

describe('tq-bridge worker', { timeout: 20_000 }, () => {
  test('stray errors of a task are caught, named, and cost nothing else', async () => {
    const given = project(`
      app.task('stray.rejection', () => { void (async () => { await null; throw new Error('nobody awaits\\nthis'); })(); return 'r'; });
      app.task('stray.timer', () => { setTimeout(() => { throw new RangeError('from a timer'); }, 1); return 't'; });
      app.task('good', () => 'fine');
    `);
    await using worker = await start(given);
    await using app = new Celery('client', given.settings);

    const rejection = await app.sendTask('stray.rejection', [], { taskId: randomUUID() });
    const timer = await app.sendTask('stray.timer');

    expect(await rejection.get({ timeout: 10 })).toBe('r');
    expect(await timer.get({ timeout: 10 })).toBe('t');
    await worker.until((output) => output.includes('nobody awaits') && output.includes('from a timer'));
    expect(worker.output()).toMatch(
      new RegExp(`ERROR/MainProcess\\] Task stray\\.rejection\\[${rejection.id}\\] left .*nobody awaits\\\\nthis`),
    );
    expect(worker.output()).toMatch(new RegExp(`Task stray\\.timer\\[${timer.id}\\] left .*from a timer`));
    expect(await (await app.sendTask('good')).get({ timeout: 10 })).toBe('fine');
  });

  test('open handles of the app do not keep a stopped worker', async () => {
    const worker = await start(project('setInterval(() => undefined, 1000);'));

    process.kill(worker.pid, 'SIGTERM');

    expect(await worker.exitCode).toBe(0);
    expect(worker.output()).toContain('worker: Warm shutdown (MainProcess)');
  });

  test('the settings of the app hold unless an option says otherwise', async () => {
    const given = project('', { worker_concurrency: 3, worker_pool: 'solo' });
    await using settings = await start(given, ['-c', '0']);
    await using options = await start(given, ['-P', 'async', '-c', '7']);

    expect(settings.output()).toContain('.> concurrency: 3 (solo)');
    expect(options.output()).toContain('.> concurrency: 7 (async)');
  });

  test('the tasks are listed from INFO on, and the node is named as Celery names it', async () => {
    await using worker = await start(project("app.task('proj.add', () => 1);"), ['-n', 'web1']);

    expect(worker.output()).toContain('celery@web1 v');
    expect(worker.output()).toContain('.> task events: OFF (enable -E to monitor tasks in this worker)');
    expect(worker.output()).toContain('[tasks]\n  . proj.add');
    await using quieter = await start(project("app.task('proj.add', () => 1);"), ['-l', 'WARNING', '-E'], /\[queues\]/);
    expect(quieter.output()).toContain('.> task events: ON');
    expect(quieter.output()).not.toContain('[tasks]');
  });

  test('--json makes each log line an object and prints nothing else', async () => {
    const worker = await start(project(''), ['--json']);
    process.kill(worker.pid, 'SIGTERM');
    await worker.exitCode;

    const lines = worker
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string });
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringMatching(/ready\.$/), 'worker: Warm shutdown (MainProcess)']);
  });

  test('a reader of the log that has gone away does not end the worker', async () => {
    const given = project("app.task('good', () => 'fine');");
    await using worker = await start(given);
    await using app = new Celery('client', given.settings);
    worker.closeOutput();

    expect(await (await app.sendTask('good')).get({ timeout: 10 })).toBe('fine');
    expect(await (await app.sendTask('good')).get({ timeout: 10 })).toBe('fine');
  });
});
