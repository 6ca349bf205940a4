import { mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { spawnReady } from '../servers.ts';
import type { Child } from '../servers.ts';
import { tq } from './tq.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const index = new URL('../../src/index.ts', import.meta.url).href;

interface Project {
  readonly folder: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly file: (name: string) => string;
  readonly waiting: () => number;
}

/** A folder with `app.mjs` on a filesystem broker of its own. */
function project(code = '', more: Readonly<Record<string, unknown>> = {}): Project {
  const folder = mkdtempSync(join(tmpdir(), 'tq-operator-'));
  const options = { data_folder_in: join(folder, 'd'), data_folder_out: join(folder, 'd'), control_folder: join(folder, 'c') };
  const settings = { broker_url: 'filesystem://', broker_transport_options: options, ...more };
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { Celery } from '${index}';\nexport const app = new Celery('proj', ${JSON.stringify(settings)});\n${code}`,
  );
  const waiting = (): number => readdirSync(join(folder, 'd')).filter((name) => name.endsWith('.msg')).length;
  return { folder, settings, file: (name) => join(folder, name), waiting };
}

function start({ folder }: Project, args: readonly string[] = [], readyText = /ready\./): Promise<Child> {
  const { CELERY_BROKER_URL: _broker, CELERY_RESULT_BACKEND: _backend, CELERY_APP: _app, ...env } = process.env;
  return spawnReady(process.execPath, { args: [main, '-A', 'app', 'worker', '-l', 'INFO', ...args], cwd: folder, env, readyText });
}

async function send({ settings }: Project, count: number): Promise<void> {
  await using client = new Celery('client', settings);
  for (let sent = 0; sent < count; sent += 1) await client.sendTask('mark', [sent]);
}

const TIMEOUT = { timeout: 20_000 };

describe('--pidfile', TIMEOUT, () => {
  test('names the process, keeps a second worker out with exit code 73, and goes when the worker ends', async () => {
    const given = project();
    const worker = await start(given, ['-n', 'w1', '--pidfile', '%n.pid']);

    expect(readFileSync(given.file('celery.pid'), 'utf8')).toBe(`${worker.pid}\n`);
    const second = tq(['-A', 'app', 'worker', '--pidfile', 'celery.pid'], given.folder);
    expect(second.code).toBe(73);
    expect(second.err).toContain(`already exists.\nSeems we're already running? (pid: ${worker.pid})`);
    process.kill(worker.pid, 'SIGTERM');
    await worker.exitCode;
    expect(readdirSync(given.folder)).not.toContain('celery.pid');
  });

  test.each([
    ['4194000\n', 'Stale pidfile exists - Removing it.'],
    ['12', 'Broken pidfile found - Removing it.'],
  ])('one of a process that is gone is taken over: %j', async (content, said) => {
    const given = project();
    writeFileSync(given.file('w.pid'), content);

    await using worker = await start(given, ['--pidfile', 'w.pid']);

    expect(worker.output()).toContain(said);
    expect(readFileSync(given.file('w.pid'), 'utf8')).toBe(`${worker.pid}\n`);
  });
});

describe('--logfile', TIMEOUT, () => {
  test('takes the log lines, and goes on in a new file when it was moved away', async () => {
    const given = project("app.task('mark', () => console.error('marked'));");
    await using worker = await start(given, ['-f', '%n.log'], /\[queues\]/);
    // A first task may be done before the worker says so.
    await expect.poll(() => readFileSync(given.file('celery.log'), 'utf8'), { timeout: 10_000 }).toContain('ready.');
    await send(given, 1);
    await worker.until((output) => output.includes('marked'));
    renameSync(given.file('celery.log'), given.file('old.log'));
    await send(given, 1);
    await worker.until((output) => output.split('marked').length === 3);

    expect(readFileSync(given.file('old.log'), 'utf8')).toContain('ready.');
    expect(readFileSync(given.file('celery.log'), 'utf8')).toMatch(/Task mark\[.*received/);
    expect(worker.output()).not.toContain('ready.');
  });
});

describe('log lines', TIMEOUT, () => {
  const code = "app.task('mark', function mark() { this.logger.warning('one\\ntwo'); });";

  test('of the worker and of tasks have the layouts of the settings', async () => {
    const given = project(code, { worker_log_format: '%(levelname)s|%(message)s', worker_task_log_format: 'T %(task_name)s %(message)s' });
    await using worker = await start(given);
    await send(given, 1);

    await worker.until((output) => output.includes('succeeded'));

    expect(worker.output()).toMatch(/^INFO\|.* ready\.$/m);
    expect(worker.output()).toMatch(/^T mark one\\ntwo$/m);
  });

  test('as JSON have the task in fields', async () => {
    const given = project(code);
    await using worker = await start(given, ['--json']);
    await send(given, 1);

    await worker.until((output) => output.includes('succeeded'));

    const lines = worker.output().trim().split('\n');
    const own = lines.map((line) => JSON.parse(line) as Record<string, unknown>).find(({ msg }) => msg === 'one\\ntwo');
    expect(own).toMatchObject({ level: 'warning', task_name: 'mark', logger: 'task', task_id: expect.any(String) as string });
  });

  test('a layout that cannot be is a configuration error', () => {
    const { code: exitCode, err } = tq(['-A', 'app', 'worker'], project('', { worker_log_format: '%(lineno)d' }).folder);

    expect(exitCode).toBe(78);
    expect(err).toContain('worker_log_format names %(lineno)s');
  });
});

describe('signals that end nothing', TIMEOUT, () => {
  test('USR1 prints what runs', async () => {
    const given = project("app.task('mark', () => new Promise(() => console.error('marked')));");
    await using worker = await start(given);
    await send(given, 1);
    await worker.until((output) => output.includes('marked'));

    process.kill(worker.pid, 'SIGUSR1');

    await worker.until((output) => output.includes('  open: '));
    expect(worker.output()).toMatch(/: 1 running, 0 reserved, 0 scheduled\n {2}mark\[[0-9a-f-]{36}\] for \d+\.\d s\n/);
    process.kill(worker.pid, 'SIGQUIT');
    await worker.exitCode;
  });

  test('HUP starts the worker anew with the same process id', async () => {
    const given = project();
    await using worker = await start(given, ['--pidfile', 'w.pid']);

    process.kill(worker.pid, 'SIGHUP');

    await worker.until((output) => output.split('ready.').length === 3);
    expect(worker.output()).toContain('Restarting tq-bridge worker (-A app worker -l INFO --pidfile w.pid)');
    expect(readFileSync(given.file('w.pid'), 'utf8')).toBe(`${worker.pid}\n`);
    process.kill(worker.pid, 'SIGTERM');
    expect(await worker.exitCode).toBe(0);
  });
});

describe('purge', TIMEOUT, () => {
  test('asks nobody where there is no terminal, and deletes with -f', async () => {
    const given = project();
    await send(given, 3);

    expect(tq(['-A', 'app', 'purge'], given.folder)).toMatchObject({ code: 2, err: expect.stringContaining('-f') as string });
    expect(given.waiting()).toBe(3);
    expect(tq(['-A', 'app', 'purge', '-f', '-X', 'celery'], given.folder)).toMatchObject({ code: 0, out: '' });
    expect(tq(['-A', 'app', 'purge', '-f'], given.folder).out).toBe('Purged 3 messages from 1 known task queue.\n');
    expect(tq(['-A', 'app', 'purge', '-f', '-Q', 'celery,b'], given.folder).out).toBe('No messages purged from 2 queues.\n');
    expect(given.waiting()).toBe(0);
  });

  test('of a worker empties its queues before it consumes them', async () => {
    const given = project("app.task('mark', () => console.error('marked'));");
    await send(given, 2);

    await using worker = await start(given, ['--discard']);

    expect(worker.output()).toContain('purge: Erased 2 messages from the queue.');
    expect(worker.output()).not.toContain('received');
  });
});

describe('list and report', TIMEOUT, () => {
  test('list says what is bound and what waits', async () => {
    const given = project('', { task_queues: ['a', { name: 'b', exchange: 'x', exchange_type: 'topic', routing_key: 'b.#' }] });
    await using client = new Celery('client', given.settings);
    await client.sendTask('mark', [], { queue: 'a' });

    expect(tq(['-A', 'app', 'list', 'bindings'], given.folder).out.split('\n')[3]).toMatch(/^b {28}x {28}b\.#$/);
    expect(JSON.parse(tq(['-A', 'app', 'list', 'queues', '--json'], given.folder).out)).toEqual([
      { queue: 'a', messages: 1, consumers: null },
      { queue: 'b', messages: 0, consumers: null },
    ]);
    expect(tq(['-A', 'app', 'list', 'queues'], given.folder).out.split('\n')[2]).toMatch(/^a {28}1 {28}not known$/);
  });

  test('report has Celery’s lines and no password', () => {
    const given = project('', { result_backend: 'redis://user:canary@localhost' });

    const { out, code } = tq(['-A', 'app', 'report'], given.folder);

    expect(code).toBe(0);
    expect(out).toMatch(/^\nsoftware -> tq-bridge:/);
    expect(out).toContain('\nsettings -> transport:filesystem results:redis://user:');
    expect(out).not.toContain('canary');
  });
});

describe('flags of celery worker that are left out', TIMEOUT, () => {
  test.each([
    [['--detach'], 'supervisor'],
    [['--uid', '1'], 'as that user'],
    [['--umask', '022'], 'before the start'],
    [['-B'], 'not support yet'],
  ])('%j is refused by name', (flags, hint) => {
    const { code, err } = tq(['-A', 'app', 'worker', ...flags]);

    expect(code).toBe(2);
    expect(err).toContain(hint);
  });
});
