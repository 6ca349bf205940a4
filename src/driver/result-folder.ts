import { watch } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, readIfThere, replaceFile } from './files.ts';

/** One file per key in one folder. Keys are file names: no slashes, no NUL, at most 255 bytes. */
export class ResultFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async open(): Promise<void> {
    await makeFolder(this.#path);
  }

  read(key: string): Promise<Uint8Array | undefined> {
    return readIfThere(join(this.#path, key));
  }

  replace(key: string, data: Uint8Array, unique: string): Promise<void> {
    return replaceFile(join(this.#path, key), data, unique);
  }

  async remove(key: string): Promise<void> {
    await unlink(join(this.#path, key)).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    });
  }

  /** Calls back with the key of each file that appears, where the system tells; returns how to stop. */
  watch(onChange: (key: string) => void): () => void {
    try {
      const watcher = watch(this.#path, (_event, name) => {
        if (name !== null) onChange(name);
      });
      watcher.on('error', () => watcher.close());
      watcher.unref();
      return () => watcher.close();
    } catch {
      return () => undefined;
    }
  }
}
