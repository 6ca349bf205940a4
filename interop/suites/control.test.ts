/** `celery inspect`, `celery control` and `celery status`, and ours, with a worker of each language on one RabbitMQ. */

import { execFile } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { TaskRevokedError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import type { CeleryVersion, Child, Server } from '../../test/servers.ts';
import { pythonVenv, rabbitmq, redis, spawnReady } from '../../test/servers.ts';
import { controlCases, shapeOf } from '../cases/control.ts';

const root = resolve(import.meta.dirname, '../..');
const cli = resolve(root, 'dist/cli/main.js');
const page = resolve(root, 'docs/control.md');
const releases: readonly CeleryVersion[] = ['5.7.0', '5.6.3'];
const NODES = 'ts@x,py@x';

interface Ran {
  readonly code: number;
  readonly out: string;
}

/** Rows of the table: command, then what came of it in each column. */
const outcomes = new Map<string, Map<string, string>>();

function note(command: string, column: string, outcome: string): void {
  const row = `\`${command}\``;
  outcomes.set(row, (outcomes.get(row) ?? new Map<string, string>()).set(column, outcome));
}

describe.each(releases)('a worker of each language, Celery %s', (release) => {
  let broker: Server;
  let store: Server;
  let app: Celery;
  const children: Child[] = [];
  let celery: (words: readonly string[]) => Promise<Ran>;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    [broker, store] = await Promise.all([rabbitmq(), redis()]);
    app = new Celery('asker', { broker_url: broker.url, result_backend: store.url });
    await forgetEarlier(app);
    env = { ...process.env, CELERY_BROKER_URL: broker.url, CELERY_RESULT_BACKEND: store.url };
    const { python, celery: program } = await pythonVenv(release);
    const python_ = { ...env, TQ_BROKER: broker.url, TQ_BACKEND: store.url, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' };
    const inPython = { cwd: resolve(root, 'interop/python'), env: python_ };
    const ours = [
      cli,
      '-A',
      `${root}/interop/fixtures/control-app.ts`,
      'worker',
      '-n',
      'ts@x',
      '-c',
      '1',
      '-Q',
      'control-ts',
      '-l',
      'INFO',
    ];
    children.push(await spawnReady(process.execPath, { args: ours, env, readyText: / ready\./ }));
    const theirs = ['-A', 'control_app', 'worker', '-n', 'py@x', '-c', '1', '-Q', 'control-py', '-l', 'INFO'];
    children.push(await spawnReady(program, { args: theirs, ...inPython, readyText: / ready\./, timeoutMs: 60_000 }));
    const asker = await spawnReady(python, { args: ['control_cli.py'], ...inPython, readyText: /ready/, timeoutMs: 60_000 });
    children.push(asker);
    const lines = createInterface({ input: asker.stdout })[Symbol.asyncIterator]();
    celery = async (words) => {
      asker.stdin.write(`${JSON.stringify(['-A', 'control_app', ...words])}\n`);
      for (;;) {
        const { value } = await lines.next();
        if (typeof value === 'string' && value.startsWith('{"code"')) return JSON.parse(value) as Ran;
      }
    };
    await holdTasks(app);
  });
  afterAll(async () => {
    await app?.close();
    for (const child of children.splice(0).toReversed()) await child.stop();
    await Promise.all([broker?.stop(), store?.stop()]);
  });

  const ours = async (words: readonly string[]): Promise<Ran> => {
    const ran = promisify(execFile)(process.execPath, [cli, ...words], { env });
    return ran.then(
      ({ stdout }) => ({ code: 0, out: stdout }),
      (error: { code: number; stdout: string }) => ({ code: error.code, out: error.stdout }),
    );
  };

  describe.each(['celery', 'tq-bridge'] as const)('asked by %s', (program) => {
    const ask = (words: readonly string[]): Promise<Ran> => (program === 'celery' ? celery(words) : ours(words));
    const column = program === 'celery' ? `celery ${release}` : `tq-bridge, Python worker ${release}`;

    test('status lists both', async () => {
      const { code, out } = await ask(['status', '-t', '10', '-d', NODES]);

      expect(code).toBe(0);
      expect(out).toContain('ts@x');
      expect(out).toContain('py@x');
      expect(out).toContain('2 nodes online.');
      note('status', column, 'both');
    });

    test.each(controlCases.map((one) => [`${one.type} ${one.words.join(' ')}`, one] as const))('%s', async (_name, one) => {
      const { code, out } = await ask([one.type, ...one.words, '--json', '-t', '10', '-d', NODES]);

      expect(code).toBe(0);
      const said: unknown = JSON.parse(out.slice(out.search(/[[{]/)));
      const byNode = (Array.isArray(said) ? Object.assign({}, ...(said as object[])) : said) as Record<string, unknown>;
      expect(Object.keys(byNode).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['py@x', 'ts@x']);
      if (one.likeness === 'same') expect(byNode['ts@x']).toEqual(byNode['py@x']);
      if (one.likeness === 'shape') expect(shapeOf(byNode['ts@x'])).toEqual(shapeOf(byNode['py@x']));
      note(`${one.type} ${one.words.join(' ')}`, column, typeof one.likeness === 'string' ? one.likeness : 'both answer');
    });

    test('nobody of that name is exit code 69', async () => {
      expect((await ask(['inspect', 'ping', '-t', '0.3', '-d', 'nobody@x'])).code).toBe(69);
    });
  });

  test('what waits is revoked and what runs is terminated, whichever worker has it', async () => {
    const waiting = ['ts', 'py'].flatMap((side) => [1, 2, 3, 4].map((number) => `waiting${number}-${side}`));
    await app.control.revoke(waiting, { reply: true, limit: 2, timeout: 10 });
    const active = Object.values((await app.control.inspect({ destination: NODES.split(','), timeout: 10 }).active()) ?? {});
    const running = (active.flat() as { readonly id: string }[]).map(({ id }) => id);
    expect(running).toEqual(expect.arrayContaining(['running-ts', 'running-py']));

    await app.control.terminate(running, { signal: 'KILL' });

    for (const id of [...running, ...waiting])
      await expect(app.asyncResult(id).get({ timeout: 20 }), id).rejects.toBeInstanceOf(TaskRevokedError);
  });

  test('shutdown reaches both, and ours ends with 0', async () => {
    await celery(['control', 'shutdown', '-t', '0.5']);

    // Python's may wait for ever for a child that was killed.
    const [ts, py] = children;
    expect(await ts?.exitCode).toBe(0);
    await py?.until((output) => output.includes('Got shutdown from remote'));
  });
});

test('docs/control.md has the table that this run gave', async () => {
  const text = await readFile(page, 'utf8');
  const fresh = `${START}\n${table()}\n${END}`;
  const written = text.slice(text.indexOf(START), text.indexOf(END) + END.length);
  if (process.env['TQ_WRITE_DOCS'] === '1') await writeFile(page, text.replace(written, fresh));
  else expect(unpadded(written)).toBe(unpadded(fresh));
});

const START = '<!-- The table is written by interop/suites/control.test.ts with TQ_WRITE_DOCS=1. -->';
const END = '<!-- End of the table. -->';
const unpadded = (markdown: string): string => markdown.replace(/ +/g, ' ').replace(/-{3,}/g, '---').trim();

function table(): string {
  const columns = [...new Set([...outcomes.values()].flatMap((row) => [...row.keys()]))];
  const reasons = new Map<string, string>(
    controlCases.flatMap(({ type, words, likeness }) =>
      typeof likeness === 'string' ? [] : [[`\`${type} ${words.join(' ')}\``, likeness.own] as const],
    ),
  );
  const lines = [...outcomes].map(
    ([row, cells]) => `| ${[row, ...columns.map((name) => cells.get(name) ?? '–'), reasons.get(row) ?? ''].join(' | ')} |`,
  );
  return ['', `| command | ${columns.join(' | ')} | remark |`, `|${' --- |'.repeat(columns.length + 2)}`, ...lines, ''].join('\n');
}

/** On each worker one task that runs, one that waits for a slot and one that waits for its time. */
async function holdTasks(app: Celery): Promise<void> {
  for (const side of ['ts', 'py']) {
    const queue = `control-${side}`;
    await app.sendTask('control.add', [1, 2], { queue, taskId: `later-${side}`, countdown: 3600 });
    await app.sendTask('control.sleep', [600], { queue, taskId: `running-${side}` });
    // More than the pool grows by.
    for (const number of [1, 2, 3, 4]) await app.sendTask('control.sleep', [600], { queue, taskId: `waiting${number}-${side}` });
  }
  const reserved = async (): Promise<number> => {
    const lists = Object.values((await app.control.inspect({ destination: NODES.split(','), timeout: 5 }).reserved()) ?? {});
    return lists.filter((list) => Array.isArray(list) && list.length > 0).length;
  };
  await vi.waitFor(async () => expect(await reserved()).toBe(2), { timeout: 30_000 });
}

/** What an earlier run has left on servers that are kept. */
async function forgetEarlier(app: Celery): Promise<void> {
  const channel = await (await app.openLink().open()).openChannel();
  for (const side of ['ts', 'py']) {
    await channel.deleteQueue(`control-${side}`);
    for (const name of ['later', 'running', 'waiting1', 'waiting2', 'waiting3', 'waiting4'])
      await app.asyncResult(`${name}-${side}`).forget();
  }
  await channel.close();
}
