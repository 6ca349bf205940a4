import type { TaskRequest } from '../protocol/task.ts';
import type { RunContext } from './context.ts';

/** What a task's signal is aborted with at its soft time limit. `billiard.exceptions.SoftTimeLimitExceeded`. */
export class SoftTimeLimitExceeded extends Error {
  readonly excType = 'SoftTimeLimitExceeded';
  readonly excModule = 'billiard.exceptions';
  readonly excMessage: readonly unknown[] = [];

  constructor(seconds: number) {
    super(`the soft time limit of ${seconds} s is over`);
    this.name = 'SoftTimeLimitExceeded';
  }
}

const nothing = (): void => undefined;

/**
 * Aborts the task's signal at its time limit, soft or hard, whichever comes first; returns how to stop the clock.
 * Code that shares the worker's event loop cannot be stopped from outside: it has to heed its signal.
 */
export function limitTime({ softTimeLimit, timeLimit }: TaskRequest, context: RunContext): () => void {
  const seconds = Math.min(softTimeLimit ?? Infinity, timeLimit ?? Infinity);
  if (seconds * 1000 > 0x7fffffff) return nothing;
  const timer = setTimeout(() => context.abort(new SoftTimeLimitExceeded(seconds)), seconds * 1000);
  return () => clearTimeout(timer);
}
