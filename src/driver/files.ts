import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a folder and its parents. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** The bytes of a file, or `undefined` when there is none. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces a file in one step: readers see the old bytes or the new. `unique` names the temporary file. */
export async function replaceFile(path: string, data: string | Uint8Array, unique: string): Promise<void> {
  const fresh = `${dirname(path)}/.${unique}.tmp`;
  await writeFile(fresh, data, { mode: 0o600 });
  await rename(fresh, path);
}

/** Milliseconds of the machine's monotonic clock: the same clock, and the same digits, as Python's. */
export function monotonicMs(): number {
  return Math.round(Number(process.hrtime.bigint() / 1000n) / 1000);
}
