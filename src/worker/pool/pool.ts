import type { SignalName } from '../../base/signal-name.ts';
import type { Running } from '../pending.ts';
import type { TimeLimits } from '../limits.ts';
import type { Ending } from '../trace.ts';

/** One task to run. `work` runs it in this process; pools with children send them what `running` was delivered as. */
export interface Job {
  readonly running: Running;
  readonly limits: TimeLimits;
  readonly work: () => Ending | Promise<Ending>;
}

/**
 * Runs task code somewhere: on this event loop, in threads, in child processes. Nothing that task code does comes out as
 * an exception: whatever happens is an `Ending`. `celery/concurrency/base.py BasePool`.
 */
export interface Pool {
  readonly name: string;
  /** Tasks run outside of this thread: the place of one is free when its code has ended, whatever is stored afterwards. */
  readonly isRemote: boolean;
  /** How many jobs may run at once; the caller keeps to it. */
  readonly size: number;
  /** Resolves when jobs can run. Rejects when no child can load the app. */
  start(): Promise<void>;
  /** How it ended; at once, where the task did not wait for anything. Never throws and never rejects. */
  run(job: Job): Ending | Promise<Ending>;
  /** Ends a running task by force, where the pool can; otherwise aborts its signal. Returns whether it ran here. */
  terminate(running: Running, signal: SignalName): boolean;
  /** Ends a running task by force, where the pool can, because its message is the broker's again: its ending is `abandoned`. Returns whether it ran here. */
  abandon(running: Running): boolean;
  /** More or fewer slots. Running jobs are finished. Rejects with `RangeError` below one, or where the size is fixed. */
  resize(size: number): Promise<void>;
  /** Replaces every child, each when its job is done; nothing where there are none. Control's `pool_restart`. */
  restart(): Promise<void>;
  /** Ends the pool. With jobs still running after `graceMs` they are ended by force, where the pool can. */
  stop(options: { readonly graceMs: number }): Promise<void>;
  /** What `inspect stats` shows as `pool`. */
  info(): Readonly<Record<string, unknown>>;
}
