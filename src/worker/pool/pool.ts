import type { TaskRequest } from '../../protocol/task.ts';

/** How a run ended. */
export type Outcome =
  | { readonly kind: 'success'; readonly value: unknown }
  | { readonly kind: 'failure'; readonly error: unknown }
  | { readonly kind: 'retry'; readonly retry: unknown }
  | { readonly kind: 'ignore' }
  | { readonly kind: 'reject'; readonly requeue: boolean; readonly reason: string };

/** One task to run. `body` is the undecoded body, for pools whose children decode it themselves. */
export interface Job {
  readonly request: TaskRequest;
  readonly body: Uint8Array;
  /** Called once, when the task really starts: early acks and STARTED belong there. */
  readonly onAccepted: (pid: number) => void;
}

/** Runs task code somewhere. `run` never rejects: a crash is an `Outcome`. */
export interface Pool {
  readonly name: string;
  readonly size: number;
  run(job: Job): Promise<Outcome>;
  /** Resolves when nothing runs any more, or after `graceMs`. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}
