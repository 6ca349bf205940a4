import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Milliseconds between two beats of a spool's owner. */
const BEAT_MS = 2000;

/** An owner that missed this many beats is dead, and its claims go back. */
const MISSED_BEATS = 3;

/** Another process writes in place: how long its half-written file may still grow. */
const HALF_WRITTEN_MS = 2000;
const REREAD_MS = 20;
const POLL_MS = 250;

/** Our folder inside a spool. Neither kombu 5.6 nor 5.7 takes its name for a message of any queue. */
const OURS = '.tq-bridge';

/** A claimed file. */
export interface ClaimedFile {
  readonly name: string;
  readonly text: string;
}

/**
 * A folder of message files shared with other processes. Files appear whole, by rename from a folder of ours, and are
 * claimed by rename into a folder of the claimer's own, whose owner file it touches every beat. Claims of an owner that
 * missed three beats go back under their old names, so that a killed process loses nothing.
 */
export class Spool {
  readonly #folder: string;
  readonly #ours: string;
  readonly #claims: string;
  readonly #ownerFile: string;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #changed = new Set<() => void>();
  #watcher: FSWatcher | undefined;

  private constructor(folder: string, owner: string) {
    this.#folder = folder;
    this.#ours = join(folder, OURS);
    this.#claims = join(this.#ours, 'claims', owner);
    this.#ownerFile = join(this.#claims, '.owner');
    this.#heartbeat = setInterval(() => void this.#beat().catch(() => undefined), BEAT_MS);
    this.#heartbeat.unref();
  }

  /** Opens the folder and makes ours in it. `owner` is an id of this process's own. Rejects with the file system's error. */
  static async open(folder: string, owner: string): Promise<Spool> {
    const spool = new Spool(folder, owner);
    await mkdir(spool.#claims, { recursive: true });
    for (const name of ['new', 'rejected']) await mkdir(join(spool.#ours, name), { recursive: true });
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    await writeFile(spool.#ownerFile, JSON.stringify({ pid: process.pid, host: hostname(), boot_id: bootId.trim() }), { mode: 0o600 });
    await spool.restoreDead();
    spool.#watch();
    return spool;
  }

  /** Makes a file appear whole. */
  async put(name: string, text: string): Promise<void> {
    const fresh = join(this.#ours, 'new', name);
    await writeFile(fresh, text, { mode: 0o600 });
    await rename(fresh, join(this.#folder, name));
  }

  /** Names of waiting files, in the order kombu takes them. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#folder);
    return names.filter((name) => name !== OURS).toSorted();
  }

  /** Claims a file; `undefined` when another process was faster. */
  async claim(name: string): Promise<ClaimedFile | undefined> {
    const place = join(this.#claims, name);
    try {
      await rename(join(this.#folder, name), place);
      return { name, text: await readWhole(place) };
    } catch (error) {
      if (isCode(error, 'ENOENT')) return undefined;
      if (isCode(error, 'EISDIR')) return { name, text: '' };
      throw error;
    }
  }

  /** Removes a claimed file, or moves it to `archive`. False when the claim was lost to another process. */
  async finish(name: string, archive?: string): Promise<boolean> {
    const place = join(this.#claims, name);
    return exists(archive === undefined ? unlink(place) : rename(place, join(archive, name)));
  }

  /** Puts a claimed file back under its name, with new contents. False when the claim was lost. */
  async giveBack(name: string, text: string): Promise<boolean> {
    const fresh = join(this.#ours, 'new', name);
    await writeFile(fresh, text, { mode: 0o600 });
    if (!(await exists(rename(fresh, join(this.#claims, name))))) return false;
    return exists(rename(join(this.#claims, name), join(this.#folder, name)));
  }

  /** Moves a claimed file to our `rejected` folder. */
  async reject(name: string): Promise<void> {
    await exists(rename(join(this.#claims, name), join(this.#ours, 'rejected', name)));
  }

  /** Removes a waiting file; false when it was gone. */
  remove(name: string): Promise<boolean> {
    return exists(unlink(join(this.#folder, name)));
  }

  /** Resolves when the folder has changed, soon at the latest, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        clearTimeout(timer);
        this.#changed.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, POLL_MS);
      this.#changed.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  /** Puts back what dead owners had claimed. */
  async restoreDead(): Promise<void> {
    const claims = join(this.#ours, 'claims');
    for (const owner of await readdir(claims)) {
      const folder = join(claims, owner);
      if (folder !== this.#claims && (await isDead(folder))) await this.#restore(folder);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#watcher?.close();
    await this.#restore(this.#claims);
  }

  async #restore(folder: string): Promise<void> {
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      if (name !== '.owner') await exists(rename(join(folder, name), join(this.#folder, name)));
    }
    await rm(join(folder, '.owner'), { force: true });
    await rmdir(folder).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    const now = new Date();
    await utimes(this.#ownerFile, now, now);
    await this.restoreDead();
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.#folder, () => {
        for (const wake of this.#changed) wake();
      });
      // Polling goes on without it.
      this.#watcher.on('error', () => this.#watcher?.close());
      this.#watcher.unref();
    } catch {
      this.#watcher = undefined;
    }
  }
}

async function isDead(folder: string): Promise<boolean> {
  const owner = await stat(join(folder, '.owner')).catch(() => stat(folder).catch(() => undefined));
  return owner !== undefined && Date.now() - owner.mtimeMs > MISSED_BEATS * BEAT_MS;
}

/** Reads a file that its writer may still be writing: kombu writes in place. */
async function readWhole(place: string): Promise<string> {
  for (;;) {
    const text = await readFile(place, 'utf8');
    const { mtimeMs } = await stat(place);
    if (text.trimEnd().endsWith('}') || Date.now() - mtimeMs > HALF_WRITTEN_MS) return text;
    await new Promise((resolve) => setTimeout(resolve, REREAD_MS));
  }
}

async function exists(operation: Promise<void>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
