/** Python environments with one release of Celery each, made with pip and kept in `.cache/venvs`. */

import { execFile } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');

/** The releases that `interop/python/requirements` pins. */
export type CeleryVersion = '5.7.0' | '5.6.3' | '5.5.3' | '5.4.0' | '5.3.6' | '5.2.6';

/** Executables of one environment. */
export interface PythonVenv {
  readonly python: string;
  readonly celery: string;
}

/** Makes the environment once, under a lock file; later calls reuse it. `TQ_PYTHON` names the interpreter. */
export async function pythonVenv(version: CeleryVersion | 'flower' | 'opentelemetry'): Promise<PythonVenv> {
  const folder = join(root, '.cache/venvs', version);
  const venv = { python: join(folder, 'bin/python'), celery: join(folder, 'bin/celery') };
  if (await exists(join(folder, '.ready'))) return venv;
  await mkdir(dirname(folder), { recursive: true });
  await using _lock = await takeLock(`${folder}.lock`);
  if (await exists(join(folder, '.ready'))) return venv;
  process.stderr.write(`making the Python environment ${version} in ${folder}\n`);
  await rm(folder, { recursive: true, force: true });
  try {
    await run(process.env['TQ_PYTHON'] ?? 'python3', ['-m', 'venv', folder]);
    const requirements = join(root, 'interop/python/requirements', `${version}.txt`);
    await run(venv.python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements], {
      timeout: 600_000,
    });
  } catch (error) {
    throw new Error(`no Python environment ${version}: install python3 and python3-venv`, { cause: error });
  }
  const mark = await open(join(folder, '.ready.part'), 'w');
  await mark.close();
  await rename(join(folder, '.ready.part'), join(folder, '.ready'));
  return venv;
}

/** Creates `path` exclusively, waiting for a living owner; a lock whose owner died is taken over. */
async function takeLock(path: string): Promise<AsyncDisposable> {
  for (;;) {
    try {
      const handle = await open(path, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (await ownerIsGone(path)) await rm(path, { force: true });
    else await delay(200);
  }
}

async function ownerIsGone(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
