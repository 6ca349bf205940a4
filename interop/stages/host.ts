/** Python in virtual environments of this machine, beside servers from `test/servers.ts`. */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import type { CeleryVersion, Server } from '../../test/servers.ts';
import { pythonVenv, rabbitmq, redis, spawnReady } from '../../test/servers.ts';
import { Driver, driverReady } from '../driver.ts';
import type { Ground, Row, Stage } from './stage.ts';
import { holeAt, rows, workerArgs } from './stage.ts';

const pythonFolder = resolve(import.meta.dirname, '../python');
const known: readonly CeleryVersion[] = ['5.7.0', '5.6.3', '5.3.6', '5.2.6'];

/** The Celery releases to test: `TQ_CELERY`, comma separated, else all. Throws an `Error` for an unknown one. */
export function celeryVersions(): readonly CeleryVersion[] {
  const wanted = (process.env['TQ_CELERY'] ?? known.join(',')).split(',');
  return wanted.map((text) => {
    const version = known.find((item) => item === text.trim());
    if (version === undefined) throw new Error(`TQ_CELERY names ${text}: known are ${known.join(', ')}`);
    return version;
  });
}

/** Every row on every release of Celery, but for rows that are holes. */
export function hostStages(): readonly Stage[] {
  const all = rows.flatMap((row) => celeryVersions().map((celery) => ({ celery, on: 'host', row })));
  return all
    .filter((spot) => holeAt(spot) === undefined)
    .map((spot) => ({ ...spot, open: (queue: string): Promise<Ground> => openHost(spot.celery, spot.row, queue) }));
}

/** Servers and the settings for both sides of them. */
export type Servers = Pick<Ground, 'broker' | 'backend' | 'conf'>;

async function openHost(celery: CeleryVersion, row: Row, queue: string): Promise<Ground> {
  await using cleanup = new AsyncDisposableStack();
  const servers = await startServers(cleanup, row);
  const place: Servers = { ...servers, conf: { task_default_queue: queue, ...servers.conf } };
  const owned = cleanup.move();
  return { ...place, ...pythonAt(celery, place), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Starts what a row needs; `cleanup` stops it. */
export function startServers(cleanup: AsyncDisposableStack, row: Row): Promise<Servers> {
  return row === 'filesystem+file' ? folders(cleanup) : network(cleanup, row);
}

/** Python of one release beside servers that somebody else owns. */
export function pythonAt(celery: CeleryVersion, place: Servers): Pick<Ground, 'startWorker' | 'startDriver'> {
  return { startWorker: (queues) => startWorker(celery, place, queues), startDriver: () => startDriver(celery, place) };
}

async function network(cleanup: AsyncDisposableStack, row: Row): Promise<Servers> {
  const serve = async (start: () => Promise<Server>): Promise<string> => cleanup.use(await start()).url;
  const broker = await serve(rabbitmq);
  return { broker, backend: row === 'amqp+rpc' ? 'rpc://' : await serve(redis), conf: {} };
}

async function folders(cleanup: AsyncDisposableStack): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'tq-interop-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const [spool, control, results] = ['spool', 'control', 'results'].map((name) => join(folder, name));
  await Promise.all([spool, control, results].map((path) => mkdir(String(path))));
  const options = { data_folder_in: spool, data_folder_out: spool, control_folder: control };
  return { broker: 'filesystem://', backend: `file://${results}`, conf: { broker_transport_options: options } };
}

function environment(place: Servers): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    TQ_BROKER: place.broker,
    TQ_BACKEND: place.backend,
    TQ_CONF: JSON.stringify(place.conf),
  };
}

async function startWorker(celery: CeleryVersion, place: Servers, queues: readonly string[]): Promise<AsyncDisposable> {
  const venv = await pythonVenv(celery);
  // kombu writes its files in place: a task that sends one beside a polling worker thread can kill that worker.
  const pool = place.broker.startsWith('filesystem') ? ['-P', 'solo'] : ['-P', 'threads', '-c', '4'];
  const child = await spawnReady(venv.celery, {
    args: workerArgs(pool, queues),
    cwd: pythonFolder,
    env: environment(place),
    readyText: / ready\./,
  });
  // A warm shutdown of these pools takes over ten seconds, and nothing is left to lose.
  return { [Symbol.asyncDispose]: () => child.stop('SIGKILL') };
}

async function startDriver(celery: CeleryVersion, place: Servers): Promise<Driver> {
  const venv = await pythonVenv(celery);
  const child = await spawnReady(venv.python, {
    args: ['driver.py'],
    cwd: pythonFolder,
    env: environment(place),
    readyText: driverReady,
  });
  return new Driver(child);
}
