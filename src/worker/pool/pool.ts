import type { TaskRequest } from '../../protocol/task.ts';

/** How a run ended. */
export type Outcome = { readonly kind: 'returned'; readonly value: unknown } | { readonly kind: 'threw'; readonly error: unknown };

/** One task to run. `work` runs it in this process; `body` is for pools whose children decode it themselves. */
export interface Job {
  readonly request: TaskRequest;
  readonly body: Uint8Array;
  readonly work: () => unknown;
}

/** Runs task code somewhere. Never throws and never rejects: whatever happens is an `Outcome`. */
export interface Pool {
  readonly name: string;
  /** How many jobs may run at once; the caller keeps to it. */
  readonly size: number;
  /** At once, where the task did not wait for anything. */
  run(job: Job): Outcome | Promise<Outcome>;
}
