import { ContentDisallowedError, ResultDecodeError } from '../base/errors.ts';
import type { ResultMeta } from '../protocol/result.ts';
import { isReadyState } from '../protocol/state.ts';
import type { ResultBackend, WaitOptions } from './backend.ts';
import { readMeta } from './encoding.ts';
import type { BackendOptions } from './options.ts';
import { Waiters } from './waiters.ts';

interface MemoryResults {
  readonly values: Map<string, Uint8Array>;
  readonly listeners: Set<(taskId: string) => void>;
}

// Results of this process by URL, as the memory broker's queues: a client and a worker in one process meet here.
const stores = new Map<string, MemoryResults>();

/** Forgets every in-memory result. */
export function resetMemoryResults(): void {
  stores.clear();
}

/** Results in this process. */
export function openMemoryBackend(options: BackendOptions): Promise<ResultBackend> {
  const key = options.url?.masked ?? '';
  const store = stores.get(key) ?? { values: new Map(), listeners: new Set() };
  stores.set(key, store);
  return Promise.resolve(new MemoryBackend(store, options));
}

class MemoryBackend implements ResultBackend {
  readonly name = 'memory';
  readonly replyTo = undefined;
  readonly #store: MemoryResults;
  readonly #options: BackendOptions;
  readonly #waiters = new Waiters();
  readonly #listener = (taskId: string): void => this.#look(taskId);

  constructor(store: MemoryResults, options: BackendOptions) {
    this.#store = store;
    this.#options = options;
    store.listeners.add(this.#listener);
  }

  storeResult(meta: ResultMeta): Promise<void> {
    return this.#attempt(() => {
      const value = this.#options.serializer.encode(meta);
      if (this.#isFinal(meta.task_id)) return;
      this.#store.values.set(meta.task_id, value);
      for (const listener of this.#store.listeners) listener(meta.task_id);
    });
  }

  getMeta(taskId: string): Promise<ResultMeta | undefined> {
    return this.#attempt(() => this.#read(taskId));
  }

  ready(): undefined {
    return undefined;
  }

  async waitFor(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    const meta = this.#read(taskId);
    if (meta !== undefined && isReadyState(meta.status)) return meta;
    if (meta !== undefined) options.onUpdate?.(meta);
    return this.#waiters.wait(taskId, options);
  }

  forget(taskId: string): Promise<void> {
    this.#store.values.delete(taskId);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#store.listeners.delete(this.#listener);
    this.#waiters.close();
    return Promise.resolve();
  }

  /** Never throws: what goes wrong goes to who waits. */
  #look(taskId: string): void {
    if (!this.#waiters.has(taskId)) return;
    try {
      const meta = this.#read(taskId);
      if (meta !== undefined) this.#waiters.announce(taskId, meta);
    } catch (error) {
      this.#waiters.fail(taskId, error);
    }
  }

  /** Whether a SUCCESS stands there. What cannot be read, or may not, is overwritten. */
  #isFinal(taskId: string): boolean {
    try {
      return this.#read(taskId)?.status === 'SUCCESS';
    } catch (error) {
      if (error instanceof ResultDecodeError || error instanceof ContentDisallowedError) return false;
      throw error;
    }
  }

  #read(taskId: string): ResultMeta | undefined {
    const value = this.#store.values.get(taskId);
    return value === undefined ? undefined : readMeta(value, this.#options, taskId);
  }

  async #attempt<T>(operation: () => T): Promise<T> {
    return operation();
  }
}
