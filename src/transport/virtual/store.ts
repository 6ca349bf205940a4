import type { Binding } from './exchange.ts';

/** A message taken and not yet settled. */
export interface Taken {
  readonly queue: string;
  readonly payload: string;
  /** Why there is no payload, where the store could not read one: the message is put aside. */
  readonly unreadable?: string;
  /** The store's own handle of it. */
  readonly handle: unknown;
}

/** What a broker without exchanges must offer; kombu's `virtual.Channel` hooks. Payloads are opaque text. */
export interface VirtualStore {
  push(queue: string, payload: string): Promise<void>;
  /** Takes up to `max` messages without waiting; `[]` when every queue is empty. */
  take(queues: readonly string[], max: number): Promise<readonly Taken[]>;
  /** The payload that `take` would give next, left in place. */
  peek(queue: string): Promise<string | undefined>;
  /** Resolves when something may have arrived, after a moment at the latest, or when the signal aborts. */
  arrival(queues: readonly string[], signal: AbortSignal): Promise<void>;
  /** Acked, or rejected for good. Rejects with `ConnectionError` when the message is no longer ours. */
  settle(taken: Taken): Promise<void>;
  /** Back to the head of its queue with a new payload. Rejects like `settle`. */
  requeue(taken: Taken, payload: string): Promise<void>;
  /** Puts a message nobody can read out of the way, where a person finds it. */
  quarantine(taken: Taken, reason: string): Promise<void>;
  size(queue: string): Promise<number>;
  /** Returns how many messages went. */
  purge(queue: string): Promise<number>;
  deleteQueue(queue: string): Promise<void>;
  bind(exchange: string, binding: Binding): Promise<void>;
  bindings(exchange: string): Promise<readonly Binding[]>;
  close(): Promise<void>;
}
