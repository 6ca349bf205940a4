import type { Logger } from '../../base/logger.ts';
import { limitTime, SoftTimeLimitExceeded, TimeLimitExceeded } from '../limits.ts';
import { taskLog } from '../log-lines.ts';
import type { Running } from '../pending.ts';
import type { Ending } from '../trace.ts';
import type { Job, Pool } from './pool.ts';

/**
 * Runs tasks on this thread's event loop: many that mostly wait (`async`), or one at a time (`solo`). Code that shares the
 * loop cannot be ended from outside: both time limits and `terminate` abort the task's signal, and the task has to heed it.
 */
export class InProcessPool implements Pool {
  readonly name: string;
  readonly isRemote = false;
  readonly #running = new Set<Running>();
  readonly #logger: Logger;
  #size: number;

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
    this.#running.add(running);
    return ending.finally(() => {
      stopClock();
      this.#running.delete(running);
    });
  }

  terminate(taskId: string): boolean {
    for (const running of this.#running) {
      if (running.pending.request.id !== taskId) continue;
      running.context.abort(new Error('terminated'));
      return true;
    }
    return false;
  }

  async resize(size: number): Promise<void> {
    if (this.name === 'solo') throw new RangeError('the solo pool runs one task at a time');
    checkSize(size);
    this.#size = size;
  }

  restart(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  info(): Readonly<Record<string, unknown>> {
    return { implementation: `tq-bridge:${this.name}`, 'max-concurrency': this.size, processes: [process.pid] };
  }
}

/** Throws `RangeError` unless a pool can have this size. */
export function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 1) throw new RangeError('a pool has a size of 1 or more');
}
