/** What every interop suite needs: versions, rows of the matrix, a Python worker, a Python driver, the outcome table. */

import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { CeleryVersion, Child, PythonVenv, Server } from '../test/servers.ts';
import { pythonVenv, rabbitmq, redis, spawnReady } from '../test/servers.ts';

const pythonFolder = resolve(import.meta.dirname, 'python');
const cacheFolder = resolve(import.meta.dirname, '../.cache');
const known: readonly CeleryVersion[] = ['5.7.0', '5.6.3', '5.3.6'];

/** A pairing of broker and result backend. */
export type Row = 'amqp+rpc' | 'amqp+redis' | 'filesystem+file';
/** Every row, in the order of the table. */
export const rows: readonly Row[] = ['amqp+rpc', 'amqp+redis', 'filesystem+file'];

/** The Celery releases to test: `TQ_CELERY`, comma separated, else all. Throws an `Error` for an unknown one. */
export function celeryVersions(): readonly CeleryVersion[] {
  const wanted = (process.env['TQ_CELERY'] ?? known.join(',')).split(',');
  return wanted.map((text) => {
    const version = known.find((item) => item === text.trim());
    if (version === undefined) throw new Error(`TQ_CELERY names ${text}: known are ${known.join(', ')}`);
    return version;
  });
}

/** The servers and folders of one row, and the settings both sides share. */
export interface Ground extends AsyncDisposable {
  readonly broker: string;
  readonly backend: string;
  readonly conf: Readonly<Record<string, unknown>>;
}

/** Starts what `row` needs; `queue` becomes the default queue of both sides. */
export async function ground(row: Row, queue: string): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'tq-interop-'));
  const servers: Server[] = [];
  const serve = async (start: () => Promise<Server>): Promise<string> => {
    const server = await start();
    servers.push(server);
    return server.url;
  };
  const dispose = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  const conf: Record<string, unknown> = { task_default_queue: queue };
  try {
    if (row === 'filesystem+file') {
      const [spool, control, results] = ['spool', 'control', 'results'].map((name) => join(folder, name));
      await Promise.all([spool, control, results].map((path) => mkdir(String(path))));
      conf['broker_transport_options'] = { data_folder_in: spool, data_folder_out: spool, control_folder: control };
      return { broker: 'filesystem://', backend: `file://${results}`, conf, [Symbol.asyncDispose]: dispose };
    }
    const broker = await serve(rabbitmq);
    const backend = row === 'amqp+rpc' ? 'rpc://' : await serve(redis);
    return { broker, backend, conf, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function environment(place: Ground): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    TQ_BROKER: place.broker,
    TQ_BACKEND: place.backend,
    TQ_CONF: JSON.stringify(place.conf),
  };
}

/** A real Celery worker on `place`, consuming `queues`. Resolves when it says it is ready. */
export async function pythonWorker(version: CeleryVersion, place: Ground, queues: readonly string[]): Promise<Child> {
  const venv: PythonVenv = await pythonVenv(version);
  // kombu writes its files in place: a task that sends one beside a polling worker thread can kill that worker.
  const pool = place.broker.startsWith('filesystem') ? ['-P', 'solo'] : ['-P', 'threads', '-c', '4'];
  const args = ['-A', 'app', 'worker', ...pool, '-l', 'INFO', '-Q', queues.join(',')];
  return spawnReady(venv.celery, {
    args: [...args, '--without-gossip', '--without-mingle', '--without-heartbeat'],
    cwd: pythonFolder,
    env: environment(place),
    readyText: / ready\./,
  });
}

/** What the Python driver answers. */
export interface Reply {
  readonly id: string;
  readonly value?: unknown;
  readonly error?: { type: string; module: string; args: string[]; state: string; traceback: string | null };
  readonly broken?: string;
}

/** A Python process that sends tasks and prints what came back. Commands are answered in order. */
export class Driver implements AsyncDisposable {
  readonly #child: Child;
  readonly #lines: Interface;
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(child: Child) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout });
    this.#lines.on('line', (line) => this.#waiting.shift()?.(line));
  }

  /** Starts a driver on `place` with one release of Celery. */
  static async start(version: CeleryVersion, place: Ground): Promise<Driver> {
    const venv = await pythonVenv(version);
    const child = await spawnReady(venv.python, {
      args: ['driver.py'],
      cwd: pythonFolder,
      env: environment(place),
      readyText: /"ready": true/,
    });
    return new Driver(child);
  }

  /** Sends one command. Throws an `Error` when the driver could not run it. */
  async ask(command: Readonly<Record<string, unknown>>): Promise<Reply> {
    const line = new Promise<string>((resolveLine) => this.#waiting.push(resolveLine));
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const reply = JSON.parse(await line) as Reply;
    if (reply.broken !== undefined) throw new Error(reply.broken);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lines.close();
    await this.#child.stop();
  }
}

/** One line of the outcome table. */
export interface Outcome {
  readonly direction: 'to-python' | 'from-python';
  readonly row: string;
  readonly cell: string;
  readonly celery: string;
  readonly outcome: 'pass' | 'fail';
}

/** Adds a suite's outcomes to `.cache/interop-matrix.json` and prints them as a Markdown table. */
export async function report(outcomes: readonly Outcome[]): Promise<void> {
  const path = join(cacheFolder, 'interop-matrix.json');
  await mkdir(cacheFolder, { recursive: true });
  const before = JSON.parse(await readFile(path, 'utf8').catch(() => '[]')) as Outcome[];
  const key = (item: Outcome): string => [item.direction, item.row, item.cell, item.celery].join('|');
  const fresh = new Set(outcomes.map(key));
  const all = [...before.filter((item) => !fresh.has(key(item))), ...outcomes];
  await writeFile(path, `${JSON.stringify(all, undefined, 2)}\n`);
  console.log(table(outcomes));
}

function table(outcomes: readonly Outcome[]): string {
  const columns = [...new Set(outcomes.map((item) => `${item.row} ${item.celery}`))];
  const cells = [...new Set(outcomes.map((item) => item.cell))];
  const lines = cells.map((cell) => {
    const found = columns.map(
      (column) => outcomes.find((item) => item.cell === cell && `${item.row} ${item.celery}` === column)?.outcome ?? '',
    );
    return `| ${[cell, ...found].join(' | ')} |`;
  });
  return [`| cell | ${columns.join(' | ')} |`, `|${' --- |'.repeat(columns.length + 1)}`, ...lines].join('\n');
}
