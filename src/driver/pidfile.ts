import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';

/** A pidfile that a living process holds. */
export class PidfileTakenError extends Error {
  constructor(path: string, pid: number) {
    super(`Pidfile (${path}) already exists.\nSeems we're already running? (pid: ${pid})`);
  }
}

/**
 * Writes this process's id, and removes the file when the process ends. A file whose process is gone, or that says nothing
 * readable, is taken over; `say` is told. Throws `PidfileTakenError`, and what the file system throws.
 * `celery/platforms.py Pidfile, create_pidlock`.
 */
export function lockPidfile(file: string, say: (text: string) => void): void {
  const path = resolve(file);
  try {
    write(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    takeOver(path, say);
    write(path);
  }
  process.once('exit', () => release(path));
}

function write(path: string): void {
  const fd = openSync(path, 'wx', 0o644);
  writeSync(fd, `${process.pid}\n`);
  closeSync(fd);
}

function takeOver(path: string, say: (text: string) => void): void {
  const pid = holder(path);
  if (pid === undefined) say('Broken pidfile found - Removing it.');
  else if (pid !== process.pid) {
    if (isAlive(pid)) throw new PidfileTakenError(path, pid);
    say('Stale pidfile exists - Removing it.');
  }
  unlinkSync(path);
}

function holder(path: string): number | undefined {
  const [, digits] = /^(\d{1,10})\n/.exec(readFileSync(path, 'utf8')) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** A process of another user's is none of ours, as Celery sees it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Whoever has taken it over since keeps it. */
function release(path: string): void {
  try {
    if (holder(path) === process.pid) unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') process.stderr.write(`The pidfile ${path} could not be removed: ${String(error)}\n`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
