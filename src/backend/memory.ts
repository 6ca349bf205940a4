import type { ResultMeta } from '../protocol/result.ts';
import { isReadyState } from '../protocol/state.ts';
import type { ResultBackend, WaitOptions } from './backend.ts';
import { readMeta } from './encoding.ts';
import type { BackendOptions } from './options.ts';
import { Waiters } from './waiters.ts';

interface MemoryResults {
  readonly values: Map<string, Uint8Array>;
  readonly listeners: Set<(meta: ResultMeta) => void>;
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
  readonly #listener = (meta: ResultMeta): void => this.#waiters.announce(meta.task_id, meta);

  constructor(store: MemoryResults, options: BackendOptions) {
    this.#store = store;
    this.#options = options;
    store.listeners.add(this.#listener);
  }

  storeResult(meta: ResultMeta): Promise<void> {
    return this.#attempt(() => {
      const value = this.#options.serializer.encode(meta);
      if (this.#read(meta.task_id)?.status === 'SUCCESS') return;
      this.#store.values.set(meta.task_id, value);
      for (const listener of this.#store.listeners) listener(readMeta(value, this.#options));
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

  #read(taskId: string): ResultMeta | undefined {
    const value = this.#store.values.get(taskId);
    return value === undefined ? undefined : readMeta(value, this.#options, taskId);
  }

  async #attempt<T>(operation: () => T): Promise<T> {
    return operation();
  }
}
