import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gone, hasCode, ifThere, isThere, moveFile } from './files.ts';
import { BEAT_MS, OWNER_FILE, OwnerWatch } from './spool-owner.ts';
import { readClaimed } from './spool-read.ts';
import type { ClaimedText } from './spool-read.ts';
import { messageOf } from '../base/message-of.ts';

const POLL_MS = 250;

/** Our folder inside a spool. Neither kombu 5.6 nor 5.7 takes its name for a message of any queue. */
const OURS = '.tq-bridge';

/** What a spool needs. */
export interface SpoolOptions {
  /** An id of this owner's own. */
  readonly owner: string;
  /** Largest file that is read. */
  readonly maxBytes: number;
  /** Told once when the spool's heartbeat fails, and again after it had recovered. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * A folder of message files shared with other processes. Files appear whole, by rename from a folder of ours, and are
 * claimed by rename into a folder of the claimer's own, whose owner file it touches every beat. Claims of an owner that died
 * or missed three beats go back under their old names, so that a killed process loses nothing. Folders that somebody removed
 * are made again.
 */
export class Spool {
  readonly #folder: string;
  readonly #ours: string;
  readonly #claims: string;
  readonly #options: SpoolOptions;
  readonly #owners: OwnerWatch;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #changed = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #inTrouble = false;

  private constructor(folder: string, options: SpoolOptions, owners: OwnerWatch) {
    this.#folder = folder;
    this.#ours = join(folder, OURS);
    this.#claims = join(this.#ours, 'claims', options.owner);
    this.#options = options;
    this.#owners = owners;
    this.#heartbeat = setInterval(() => void this.#beat(), BEAT_MS);
    this.#heartbeat.unref();
  }

  /** Opens the folder and makes ours in it. Rejects with the file system's error. */
  static async open(folder: string, options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(folder, options, await OwnerWatch.create());
    try {
      await spool.#moveIn();
      await spool.restoreDead();
    } catch (error) {
      clearInterval(spool.#heartbeat);
      throw error;
    }
    return spool;
  }

  /** Makes a file appear whole. */
  async put(name: string, text: string): Promise<void> {
    const fresh = join(this.#ours, 'new', name);
    try {
      if (!(await ifThere(writeFile(fresh, text, { mode: 0o600 })))) {
        await this.#moveIn();
        await writeFile(fresh, text, { mode: 0o600 });
      }
      await rename(fresh, join(this.#folder, name));
    } catch (error) {
      // A full disk must not keep half a message.
      await rm(fresh, { force: true });
      throw error;
    }
  }

  /** Names of waiting files, in the order kombu takes them. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(gone);
    if (names === undefined) await this.#moveIn();
    return (names ?? []).filter((name) => name !== OURS).toSorted();
  }

  /** Claims a file; `undefined` when another process was faster. */
  async claim(name: string): Promise<ClaimedText | undefined> {
    const place = join(this.#claims, name);
    const take = (): Promise<boolean> => ifThere(rename(join(this.#folder, name), place));
    if (!(await take())) {
      if (await isThere(this.#claims)) return undefined;
      // We were silent for so long that others took us for dead.
      await this.#moveIn();
      if (!(await take())) return undefined;
    }
    return this.#read(place);
  }

  /** Reads a waiting file, which stays there; `undefined` when another process was faster. */
  peek(name: string): Promise<ClaimedText | undefined> {
    return this.#read(join(this.#folder, name));
  }

  async #read(place: string): Promise<ClaimedText | undefined> {
    try {
      return await readClaimed(place, this.#options.maxBytes);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      return { unreadable: messageOf(error) };
    }
  }

  /** Removes a claimed file, or moves it to `archive`. False when the claim was lost to another process. */
  finish(name: string, archive?: string): Promise<boolean> {
    const place = join(this.#claims, name);
    return ifThere(archive === undefined ? unlink(place) : moveFile(place, join(archive, name)));
  }

  /** Puts a claimed file back under its name, with new contents. False when the claim was lost. */
  async giveBack(name: string, text: string): Promise<boolean> {
    const place = join(this.#claims, name);
    if (!(await isThere(place))) return false;
    const fresh = join(this.#ours, 'new', name);
    await writeFile(fresh, text, { mode: 0o600 });
    if (!(await ifThere(rename(fresh, place)))) return false;
    return ifThere(rename(place, join(this.#folder, name)));
  }

  /** Moves a claimed file to our `rejected` folder. */
  async reject(name: string): Promise<void> {
    await ifThere(rename(join(this.#claims, name), join(this.#ours, 'rejected', name)));
  }

  /** Removes a waiting file; false when it was gone. */
  remove(name: string): Promise<boolean> {
    return ifThere(unlink(join(this.#folder, name)));
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
    for (const owner of (await readdir(claims).catch(gone)) ?? []) {
      const folder = join(claims, owner);
      if (folder !== this.#claims && (await this.#owners.isDead(folder))) await this.#restore(folder);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#watcher?.close();
    await this.#restore(this.#claims);
  }

  /** Several may restore one folder at once: each file is moved by one of them. */
  async #restore(folder: string): Promise<void> {
    for (const name of (await readdir(folder).catch(gone)) ?? []) {
      if (name !== OWNER_FILE) await ifThere(rename(join(folder, name), join(this.#folder, name)));
    }
    await rm(join(folder, OWNER_FILE), { force: true });
    this.#owners.forget(folder);
    try {
      await rmdir(folder);
    } catch (error) {
      // Another was faster, or its owner lives after all and has claimed something since.
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTEMPTY')) throw error;
    }
  }

  async #beat(): Promise<void> {
    try {
      const now = new Date();
      if (!(await ifThere(utimes(join(this.#claims, OWNER_FILE), now, now)))) await this.#moveIn();
      await this.restoreDead();
      this.#inTrouble = false;
    } catch (error) {
      if (!this.#inTrouble) this.#options.onTrouble(error);
      this.#inTrouble = true;
    }
  }

  /** Makes our folders and our owner file, at the start and whenever somebody took them away. */
  async #moveIn(): Promise<void> {
    await mkdir(this.#claims, { recursive: true });
    for (const name of ['new', 'rejected']) await mkdir(join(this.#ours, name), { recursive: true });
    await writeFile(join(this.#claims, OWNER_FILE), this.#owners.ownerText, { mode: 0o600 });
    this.#watch();
  }

  #watch(): void {
    this.#watcher?.close();
    try {
      const watcher = watch(this.#folder, () => {
        for (const wake of this.#changed) wake();
      });
      // Polling goes on without it.
      this.#watcher = watcher.on('error', () => watcher.close()).unref();
    } catch {
      this.#watcher = undefined;
    }
  }
}
