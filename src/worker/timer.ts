import type { EpochMs, Host } from '../base/host.ts';

/** setTimeout counts in 31 bits and fires at once beyond: long waits are cut into steps. */
const LONGEST_STEP_MS = 2 ** 31 - 1;

interface Held<T> {
  readonly at: EpochMs;
  readonly sequence: number;
  readonly item: T;
}

/** Items that wait for a moment of the wall clock, in a heap with one timer. */
export class WakeTimer<T> {
  readonly #host: Host;
  readonly #onDue: (item: T) => void;
  #heap: Held<T>[] = [];
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: Host, onDue: (item: T) => void) {
    this.#host = host;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** What waits, in no particular order. */
  entries(): readonly { readonly at: EpochMs; readonly item: T }[] {
    return this.#heap;
  }

  add(at: EpochMs, item: T): void {
    this.#sequence += 1;
    this.#heap.push({ at, sequence: this.#sequence, item });
    this.#up(this.#heap.length - 1);
    this.#arm();
  }

  /** Forgets everything and returns it. */
  clear(): T[] {
    clearTimeout(this.#timer);
    const items = this.#heap.map(({ item }) => item);
    this.#heap = [];
    return items;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const first = this.#heap[0];
    if (first === undefined) return;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.min(first.at - this.#host.now(), LONGEST_STEP_MS)));
  }

  #fire(): void {
    const now = this.#host.now();
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#pop();
      this.#onDue(first.item);
    }
    this.#arm();
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(index: number): void {
    for (let child = index; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#before(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #down(index: number): void {
    for (let parent = index; ;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let first = parent;
      if (left < this.#heap.length && this.#before(left, first)) first = left;
      if (right < this.#heap.length && this.#before(right, first)) first = right;
      if (first === parent) return;
      this.#swap(first, parent);
      parent = first;
    }
  }

  #before(left: number, right: number): boolean {
    const a = this.#heap[left];
    const b = this.#heap[right];
    if (a === undefined || b === undefined) return false;
    return a.at === b.at ? a.sequence < b.sequence : a.at < b.at;
  }

  #swap(left: number, right: number): void {
    const a = this.#heap[left];
    const b = this.#heap[right];
    if (a === undefined || b === undefined) return;
    this.#heap[left] = b;
    this.#heap[right] = a;
  }
}
