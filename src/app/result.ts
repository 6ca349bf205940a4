import { ResultTimeoutError, TaskFailedError, TaskRevokedError } from '../base/errors.ts';
import type { ResultBackend } from '../backend/backend.ts';
import { decodeFailure } from '../protocol/failure.ts';
import type { RevokeOptions } from './control.ts';
import type { ResultMeta } from '../protocol/result.ts';
import { isExceptionState, isPropagatingState, isReadyState } from '../protocol/state.ts';
import type { TaskState } from '../protocol/state.ts';

/** How `get` waits. `timeout` in seconds. */
export interface GetOptions {
  readonly timeout?: number;
  /** Stops the waiting, not the task. */
  readonly signal?: AbortSignal;
  /** Sees the states that are not final yet, such as STARTED or a progress of the task's own. */
  readonly onUpdate?: (state: TaskState, info: unknown) => void;
}

type RevokeTask = (taskId: string, options: RevokeOptions) => Promise<unknown>;

/** What a result asks. */
export interface ResultParts {
  readonly backend: () => Promise<ResultBackend>;
  readonly revoke: RevokeTask;
}

/**
 * A task's result, now or later. It is not thenable, so that awaiting `sendTask` waits for the broker and not for the task.
 * Every question goes to the backend. `celery/result.py AsyncResult`.
 */
export class AsyncResult<T = unknown> {
  readonly id: string;
  /** Never set: an `await` must not wait for the task. */
  // oxlint-disable-next-line unicorn/no-thenable -- a type that forbids the member, not the member
  declare readonly then?: never;
  /** The task was sent with `ignoreResult`: there will be nothing to get. */
  readonly ignored: boolean;
  readonly #backend: () => Promise<ResultBackend>;
  readonly #revoke: RevokeTask;
  #final: ResultMeta | undefined;

  constructor(id: string, parts: ResultParts, ignored = false) {
    this.id = id;
    this.ignored = ignored;
    this.#backend = parts.backend;
    this.#revoke = parts.revoke;
  }

  /**
   * Resolves with the return value. Rejects with `TaskFailedError` or `TaskRevokedError` when the task ended so,
   * `ResultTimeoutError`, the signal's reason, or `BackendDisabledError` when no result backend is set. A timeout of 0 asks once.
   * An ignored result is null at once.
   */
  async get(options: GetOptions = {}): Promise<T> {
    const { timeout, signal, onUpdate } = options;
    if (timeout !== undefined && !(timeout >= 0)) throw new RangeError('get: timeout must be seconds of 0 or more');
    if (this.ignored) return null as T;
    if (timeout === 0) await this.#meta();
    else if (this.#final === undefined) {
      const backend = await this.#backend();
      this.#final = await backend.waitFor(this.id, {
        timeoutMs: timeout === undefined ? undefined : timeout * 1000,
        signal,
        onUpdate: onUpdate === undefined ? undefined : (meta) => onUpdate(meta.status, meta.result),
      });
    }
    if (this.#final === undefined) throw new ResultTimeoutError(`no result of ${this.id} yet`);
    if (isPropagatingState(this.#final.status)) throw failureOf(this.#final);
    return this.#final.result as T;
  }

  async state(): Promise<TaskState> {
    return (await this.#meta())?.status ?? 'PENDING';
  }

  /** The return value, the error of a failed task, or what a running task has stored about itself. */
  async info(): Promise<unknown> {
    const meta = await this.#meta();
    if (meta === undefined) return undefined;
    return isExceptionState(meta.status) && meta.result !== null ? failureOf(meta) : meta.result;
  }

  async ready(): Promise<boolean> {
    return isReadyState(await this.state());
  }

  async successful(): Promise<boolean> {
    return (await this.state()) === 'SUCCESS';
  }

  async failed(): Promise<boolean> {
    return (await this.state()) === 'FAILURE';
  }

  async traceback(): Promise<string | undefined> {
    return (await this.#meta())?.traceback ?? undefined;
  }

  /** Tasks this one sent, its callbacks included; `undefined` while nothing is stored. */
  async children(): Promise<readonly AsyncResult[] | undefined> {
    const tuples = (await this.#meta())?.children;
    return tuples?.map(([[id]]) => new AsyncResult(id, { backend: this.#backend, revoke: this.#revoke }));
  }

  /**
   * Tells every worker not to run the task; with `terminate` also to end it by force where it runs. Resolves when the broker
   * has the message. `celery/result.py revoke`.
   */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    await this.#revoke(this.id, options);
  }

  /** Removes the stored result. */
  async forget(): Promise<void> {
    this.#final = undefined;
    await (await this.#backend()).forget(this.id);
  }

  async #meta(): Promise<ResultMeta | undefined> {
    if (this.#final !== undefined) return this.#final;
    const meta = await (await this.#backend()).getMeta(this.id);
    if (meta !== undefined && isReadyState(meta.status)) this.#final = meta;
    return meta;
  }
}

function failureOf(meta: ResultMeta): TaskFailedError {
  const failure = decodeFailure(meta.result, meta.task_id, meta.traceback);
  return meta.status === 'REVOKED' ? new TaskRevokedError(failure) : new TaskFailedError(failure);
}
