import { readFile, readlink, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Milliseconds between two beats of a spool's owner. */
export const BEAT_MS = 2000;

/** An owner that missed this many beats is dead, and its claims go back. */
const MISSED_BEATS = 3;

/** The file in an owner's folder that says who it is; its time is touched every beat. */
export const OWNER_FILE = '.owner';

/** Who holds claims. A pid means something only in its boot and its pid namespace. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly boot_id: string;
  readonly pid_namespace: string;
}

/** Tells owners that live from owners that died, by watching their beats. */
export class OwnerWatch {
  readonly #self: Owner;
  /** The time of each owner's last beat as it wrote it, and when we first saw that on our own monotonic clock. */
  readonly #beats = new Map<string, { readonly mtimeMs: number; readonly seenAt: number }>();

  private constructor(self: Owner) {
    this.#self = self;
  }

  static async create(): Promise<OwnerWatch> {
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
    return new OwnerWatch({ pid: process.pid, host: hostname(), boot_id: bootId.trim(), pid_namespace: namespace });
  }

  /** What goes into our own owner file. */
  get ownerText(): string {
    return JSON.stringify(this.#self);
  }

  /**
   * Whether the owner of this folder is dead: its process has ended, where that can be seen, or it has not beaten for three
   * beats of our own clock. The clocks of the machine may jump: only that its time changes counts.
   */
  async isDead(folder: string): Promise<boolean> {
    const file = join(folder, OWNER_FILE);
    const beat = (await stat(file).catch(() => undefined)) ?? (await stat(folder).catch(() => undefined));
    if (beat === undefined) return false;
    if (await this.#hasEnded(file)) return true;
    const known = this.#beats.get(folder);
    if (known?.mtimeMs !== beat.mtimeMs) {
      this.#beats.set(folder, { mtimeMs: beat.mtimeMs, seenAt: performance.now() });
      return false;
    }
    return performance.now() - known.seenAt > MISSED_BEATS * BEAT_MS;
  }

  /** Forgets an owner whose folder is gone. */
  forget(folder: string): void {
    this.#beats.delete(folder);
  }

  async #hasEnded(file: string): Promise<boolean> {
    const owner = readOwner(await readFile(file, 'utf8').catch(() => ''));
    const { boot_id: bootId, pid_namespace: namespace } = this.#self;
    if (owner === undefined || bootId === '' || namespace === '') return false;
    if (owner.boot_id !== bootId || owner.pid_namespace !== namespace) return false;
    return !isRunning(owner.pid);
  }
}

function readOwner(text: string): (Partial<Owner> & { readonly pid: number }) | undefined {
  try {
    const owner: unknown = JSON.parse(text);
    if (typeof owner !== 'object' || owner === null || !('pid' in owner)) return undefined;
    return Number.isSafeInteger(owner.pid) && Number(owner.pid) > 0 ? { ...owner, pid: Number(owner.pid) } : undefined;
  } catch {
    // An owner that is just writing it, or somebody else's file: its beats decide.
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
