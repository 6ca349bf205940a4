import { BackendUnavailableError, ResultTimeoutError } from '../base/errors.ts';
import type { ResultMeta } from '../protocol/result.ts';
import { isReadyState } from '../protocol/state.ts';
import type { WaitOptions } from './backend.ts';

interface Waiter {
  readonly settle: (end: () => void) => void;
  readonly resolve: (meta: ResultMeta) => void;
  readonly reject: (error: unknown) => void;
  readonly onUpdate: WaitOptions['onUpdate'];
}

/** Everybody who waits for a result, by task. Each waits alone: a slow task holds up nobody else. */
export class Waiters {
  readonly #byTask = new Map<string, Set<Waiter>>();
  #closed = false;

  /** Resolves with the first final state that is announced; rejects by timeout or signal. */
  wait(taskId: string, { timeoutMs, signal, onUpdate }: WaitOptions): Promise<ResultMeta> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError());
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const onAbort = (): void => waiter.settle(() => reject(signal?.reason as Error));
      const onTimeout = (): void =>
        waiter.settle(() => reject(new ResultTimeoutError(`no result of ${taskId} within ${(timeoutMs ?? 0) / 1000} s`)));
      // Timers count in 32 bits: a longer wait is a wait without end.
      const timer = timeoutMs === undefined || timeoutMs > 0x7fffffff ? undefined : setTimeout(onTimeout, timeoutMs);
      const waiter: Waiter = {
        resolve,
        reject,
        onUpdate,
        settle: (end) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          this.#remove(taskId, waiter);
          end();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const waiters = this.#byTask.get(taskId) ?? new Set();
      this.#byTask.set(taskId, waiters.add(waiter));
    });
  }

  has(taskId: string): boolean {
    return this.#byTask.has(taskId);
  }

  taskIds(): string[] {
    return [...this.#byTask.keys()];
  }

  /** Tells who waits for the task. */
  announce(taskId: string, meta: ResultMeta): void {
    for (const waiter of this.#byTask.get(taskId) ?? []) {
      if (isReadyState(meta.status)) waiter.settle(() => waiter.resolve(meta));
      else this.#update(waiter, meta);
    }
  }

  fail(taskId: string, error: unknown): void {
    for (const waiter of this.#byTask.get(taskId) ?? []) waiter.settle(() => waiter.reject(error));
  }

  /** Ends every wait because the backend closes. */
  close(): void {
    this.#closed = true;
    for (const taskId of this.taskIds()) this.fail(taskId, closedError());
  }

  #update(waiter: Waiter, meta: ResultMeta): void {
    try {
      waiter.onUpdate?.(meta);
    } catch (error) {
      // The listener is its waiter's own: what it throws ends that wait and no other.
      waiter.settle(() => waiter.reject(error));
    }
  }

  #remove(taskId: string, waiter: Waiter): void {
    const waiters = this.#byTask.get(taskId);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#byTask.delete(taskId);
  }
}

function closedError(): BackendUnavailableError {
  return new BackendUnavailableError('the result backend was closed');
}
