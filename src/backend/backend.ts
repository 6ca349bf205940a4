import type { ResultMeta } from '../protocol/result.ts';

/** Where a result should travel besides its key: only rpc reads it. */
export interface ResultDestination {
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
}

/** Where results live. Values are JS values inside `meta`; the backend serialises them. */
export interface ResultBackend {
  /** Celery's scheme: `redis`, `rpc`, `file`, `memory`, `disabled`. */
  readonly name: string;
  /**
   * Stores a state. A stored SUCCESS is final on key-value backends and is never overwritten.
   * Rejects with `EncodeError` when the result cannot be serialised and `BackendUnavailableError` after its own bounded retries.
   */
  storeResult(meta: ResultMeta, destination: ResultDestination): Promise<void>;
  /** The state as it stands, or `undefined` (PENDING). Rejects with `ResultDecodeError` on what is not a result. */
  getMeta(taskId: string): Promise<ResultMeta | undefined>;
  /** The `reply_to` a publisher must put on its messages; `undefined` where results do not travel by message. */
  readonly replyTo: string | undefined;
  /** Call before the task is published, so that no answer is missed: rpc consumes its reply queue, redis subscribes. */
  expect(taskId: string): Promise<void>;
  /**
   * Resolves with the first final state (SUCCESS, FAILURE, REVOKED). Non-final states go to `onUpdate`.
   * Rejects with `ResultTimeoutError`, or with the signal's reason when aborted. One waiter never blocks another.
   */
  waitFor(taskId: string, options: WaitOptions): Promise<ResultMeta>;
  /** Stops expecting the task: no subscription, no memory. */
  release(taskId: string): Promise<void>;
  /** Removes the stored result and releases it. */
  forget(taskId: string): Promise<void>;
  close(): Promise<void>;
}

export interface WaitOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onUpdate?: ((meta: ResultMeta) => void) | undefined;
}
