import type { Logger } from '../../base/logger.ts';
import { limitTime, SoftTimeLimitExceeded, TimeLimitExceeded } from '../limits.ts';
import { taskLog } from '../log-lines.ts';
import type { Running } from '../pending.ts';
import type { Ending } from '../trace.ts';
import { abandonedEnding } from './lost.ts';
import type { Job, Pool } from './pool.ts';

/**
 * Runs tasks on this thread's event loop: many that mostly wait (`async`), or one at a time (`solo`). Code that shares the
 * loop cannot be ended from outside: both time limits and `terminate` abort the task's signal, and the task has to heed it.
 */
export class InProcessPool implements Pool {
  readonly name: string;
  readonly isRemote = false;
  readonly #running = new Map<Running, (ending: Ending) => void>();
  readonly #logger: Logger;
  #size: number;
  #stopped = false;
  #onEmpty: (() => void) | undefined;

  constructor(name: string, size: number, logger: Logger) {
    this.name = name;
    this.#size = size;
    this.#logger = logger;
  }

  get size(): number {
    return this.#size;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  run({ running, limits, work }: Job): Ending | Promise<Ending> {
    if (this.#stopped) return abandonedEnding();
    const { request } = running.pending;
    const stopClock = limitTime(limits, {
      soft: (seconds) => {
        taskLog.softLimit(this.#logger, request, seconds);
        running.context.abort(new SoftTimeLimitExceeded(seconds));
      },
      hard: (seconds) => {
        taskLog.hardLimit(this.#logger, request, seconds);
        running.context.abort(new TimeLimitExceeded(seconds));
      },
    });
    const ending = work();
    if (!(ending instanceof Promise)) {
      stopClock();
      return ending;
    }
    return new Promise((resolve) => {
      const end = (how: Ending): void => {
        stopClock();
        this.#running.delete(running);
        if (this.#running.size === 0) this.#onEmpty?.();
        resolve(how);
      };
      this.#running.set(running, end);
      void ending.then(end);
    });
  }

  terminate(running: Running): boolean {
    if (!this.#running.has(running)) return false;
    running.context.abort(new Error('terminated'));
    return true;
  }

  /** Code that still runs afterwards is nobody's, as at the pool's end. */
  abandon(running: Running): boolean {
    const end = this.#running.get(running);
    if (end === undefined) return false;
    end(abandonedEnding());
    running.context.abandon('the connection to the broker was lost');
    return true;
  }

  async resize(size: number): Promise<void> {
    if (this.name === 'solo') throw new RangeError('the solo pool runs one task at a time');
    checkSize(size);
    this.#size = size;
  }

  restart(): Promise<void> {
    return Promise.resolve();
  }

  /** Code that still runs afterwards is nobody's: its task is abandoned and its signal aborted. */
  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    if (this.#running.size > 0 && graceMs > 0) await this.#empty(graceMs);
    this.#stopped = true;
    for (const [running, end] of this.#running) {
      end(abandonedEnding());
      running.context.abandon('the worker was stopped');
    }
  }

  async #empty(graceMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = setTimeout(resolve, graceMs);
    await promise;
    clearTimeout(timer);
  }

  info(): Readonly<Record<string, unknown>> {
    return { implementation: `tq-bridge:${this.name}`, 'max-concurrency': this.size, processes: [process.pid] };
  }
}

/** Throws `RangeError` unless a pool can have this size. */
export function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 1) throw new RangeError('a pool has a size of 1 or more');
}
