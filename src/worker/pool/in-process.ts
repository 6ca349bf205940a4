import type { Job, Outcome, Pool } from './pool.ts';

/** Runs tasks on this thread's event loop: many that mostly wait (`async`), or one at a time (`solo`). */
export class InProcessPool implements Pool {
  readonly name: string;
  readonly size: number;

  constructor(name: string, size: number) {
    this.name = name;
    this.size = size;
  }

  run({ work }: Job): Outcome | Promise<Outcome> {
    try {
      const value = work();
      if (!isThenable(value)) return { kind: 'returned', value };
      return Promise.resolve(value).then(
        (settled) => ({ kind: 'returned', value: settled }),
        (error: unknown) => ({ kind: 'threw', error }),
      );
    } catch (error) {
      return { kind: 'threw', error };
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
