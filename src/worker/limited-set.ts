/** How many ids are kept, and how long once there are that many; milliseconds. */
export interface SetLimits {
  readonly most: number;
  readonly expiresMs: number;
}

/**
 * Ids with the moment each was added, oldest first; a full set forgets what is too old, then the oldest.
 * `celery/utils/collections.py LimitedSet`.
 */
export class LimitedSet {
  readonly #limits: SetLimits;
  readonly #now: () => number;
  readonly #added = new Map<string, number>();
  #version = 0;

  constructor(limits: SetLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Grows with each change: whether there is something new to write down. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#added.size;
  }

  has(id: string): boolean {
    return this.#added.has(id);
  }

  /** Adds ids, those given last as the youngest; of more than fit only those. */
  add(ids: readonly string[]): void {
    const now = this.#now();
    for (const id of lastOf(ids, this.#limits.most)) {
      this.#added.delete(id);
      this.#added.set(id, now);
    }
    this.#version += ids.length;
    // Once for all: taking the oldest out of a large map one by one is slow.
    if (this.#added.size > this.#limits.most) this.purge();
  }

  /** Forgets what is too many and too old. */
  purge(): void {
    const oldest = this.#now() - this.#limits.expiresMs;
    for (const [id, at] of this.#added) {
      if (this.#added.size <= this.#limits.most && at > oldest) return;
      this.#added.delete(id);
    }
  }

  /** Oldest first. */
  ids(): string[] {
    return [...this.#added.keys()];
  }
}

/** The last so many of a list. */
export function lastOf<T>(items: readonly T[], most: number): readonly T[] {
  return items.length > most ? items.slice(items.length - most) : items;
}
