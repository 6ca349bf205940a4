import type { Running } from '../pending.ts';
import type { Ending } from '../trace.ts';

/** One task to run. `work` runs it in this process; pools with children send them what `running` was delivered as. */
export interface Job {
  readonly running: Running;
  readonly work: () => Ending | Promise<Ending>;
}

/**
 * Runs task code somewhere: on this event loop, in threads, in child processes. Nothing that task code does comes out as
 * an exception: whatever happens is an `Ending`. `celery/concurrency/base.py BasePool`.
 */
export interface Pool {
  readonly name: string;
  /** How many jobs may run at once; the caller keeps to it. */
  readonly size: number;
  start(): Promise<void>;
  /** How it ended; at once, where the task did not wait for anything. Never throws and never rejects. */
  run(job: Job): Ending | Promise<Ending>;
  /** Ends a running task by force, where the pool can; otherwise aborts its signal. Returns whether it ran here. */
  terminate(taskId: string, signal: string): boolean;
  /** More or fewer slots. Running jobs are finished. Rejects with `RangeError` below one, or where the size is fixed. */
  resize(size: number): Promise<void>;
  /** Ends the pool. With jobs still running after `graceMs` they are ended by force, where the pool can. */
  stop(options: { readonly graceMs: number }): Promise<void>;
  /** What `inspect stats` shows as `pool`. */
  info(): Readonly<Record<string, unknown>>;
}
