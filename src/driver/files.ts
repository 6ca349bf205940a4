import { constants } from 'node:fs';
import { access, copyFile, mkdir, open, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a folder and its parents. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** A link is an error, and a pipe is opened without waiting for its writer. Windows knows neither flag. */
const PLAIN_READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** The bytes of a regular file, or `undefined` when there is none. Links, pipes and folders are refused with an `Error`. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  const file = await open(path, PLAIN_READ).catch(gone);
  if (file === undefined) return undefined;
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a regular file`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Replaces a file in one step: readers see the old bytes or the new. `unique` names the temporary file. */
export async function replaceFile(path: string, data: string | Uint8Array, unique: string): Promise<void> {
  const fresh = `${dirname(path)}/.${unique}.tmp`;
  try {
    await writeFile(fresh, data, { mode: 0o600 });
    await rename(fresh, path);
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
}

/** Moves a file, also onto another file system. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasCode(error, 'EXDEV')) throw error;
    await copyFile(from, to);
    await unlink(from);
  }
}

/** Whether there is something under this path. */
export function isThere(path: string): Promise<boolean> {
  return ifThere(access(path));
}

/** Waits for an operation; false when what it was about is not there. */
export async function ifThere(operation: Promise<void>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    gone(error);
    return false;
  }
}

/** For `catch`: nothing where there was no file, everything else is thrown on. */
export function gone(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error;
}

/** Whether this is the system's error with that code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Milliseconds of the machine's monotonic clock: the same clock, and the same digits, as Python's. */
export function monotonicMs(): number {
  return Math.round(Number(process.hrtime.bigint() / 1000n) / 1000);
}
