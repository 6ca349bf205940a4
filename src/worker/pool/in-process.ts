import type { Running } from '../pending.ts';
import type { Ending } from '../trace.ts';
import type { Job, Pool } from './pool.ts';

/**
 * Runs tasks on this thread's event loop: many that mostly wait (`async`), or one at a time (`solo`). Code that shares the
 * loop cannot be ended from outside: `terminate` aborts the task's signal, and the task has to heed it.
 */
export class InProcessPool implements Pool {
  readonly name: string;
  readonly #running = new Set<Running>();
  #size: number;

  constructor(name: string, size: number) {
    this.name = name;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  run({ running, work }: Job): Ending | Promise<Ending> {
    const ending = work();
    if (!(ending instanceof Promise)) return ending;
    this.#running.add(running);
    return ending.finally(() => this.#running.delete(running));
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
    if (!Number.isInteger(size) || size < 1) throw new RangeError('a pool has a size of 1 or more');
    this.#size = size;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  info(): Readonly<Record<string, unknown>> {
    return { implementation: `tq-bridge:${this.name}`, 'max-concurrency': this.size, processes: [process.pid] };
  }
}
