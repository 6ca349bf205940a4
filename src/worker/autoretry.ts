import type { ErrorClass, RetryOptions, TaskOptions } from '../app/task.ts';
import { errorName } from '../protocol/failure.ts';
import type { TaskRequest } from '../protocol/task.ts';

const BACKOFF_MAX_S = 600;

/** The retry an error leads to by itself, or `undefined`. `celery/app/autoretry.py`. */
export function automaticRetry(error: unknown, { retries }: TaskRequest, task: TaskOptions): RetryOptions | undefined {
  if (task.autoretryFor === undefined || !isOneOf(error, task.autoretryFor) || isOneOf(error, task.dontAutoretryFor ?? []))
    return undefined;
  const backoff = typeof task.retryBackoff === 'number' ? Math.trunc(Math.max(1, task.retryBackoff)) : task.retryBackoff === true ? 1 : 0;
  const countdown = backoff === 0 ? undefined : backoffSeconds(backoff, retries, task);
  return { error, ...task.retryKwargs, ...(countdown === undefined ? undefined : { countdown }) };
}

function backoffSeconds(factor: number, retries: number, { retryBackoffMax = BACKOFF_MAX_S, retryJitter = true }: TaskOptions): number {
  const seconds = Math.min(retryBackoffMax, factor * 2 ** retries);
  return retryJitter ? Math.floor(Math.random() * (seconds + 1)) : seconds;
}

function isOneOf(error: unknown, classes: readonly (ErrorClass | string)[]): boolean {
  return classes.some((type) => (typeof type === 'string' ? error instanceof Error && errorName(error) === type : error instanceof type));
}
