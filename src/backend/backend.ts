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
  /** The bytes as they are stored, whatever they are; `undefined` for none. Absent where results are no stored bytes. */
  stored?(taskId: string): Promise<Uint8Array | undefined>;
  /** The `reply_to` a publisher must put on its messages; `undefined` where results do not travel by message. */
  readonly replyTo: string | undefined;
  /**
   * What must be there before a task is published, so that its answer is not missed: rpc consumes its reply queue.
   * `undefined` when all is there. Stored results need nothing: they can be read later, so a send costs them no subscription.
   */
  ready(): Promise<void> | undefined;
  /**
   * Resolves with the first final state (SUCCESS, FAILURE, REVOKED). Non-final states go to `onUpdate`.
   * Rejects with `ResultTimeoutError`, or with the signal's reason when aborted. One waiter never blocks another.
   */
  waitFor(taskId: string, options: WaitOptions): Promise<ResultMeta>;
  /** Removes what is stored or kept of the result. */
  forget(taskId: string): Promise<void>;
  close(): Promise<void>;
}

export interface WaitOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onUpdate?: ((meta: ResultMeta) => void) | undefined;
}
