import type { CeleryApp } from '../app/celery.ts';
import { ratePerSecond } from '../app/rate.ts';
import type { TaskDefinition } from '../app/task.ts';
import type { TaskRequest } from '../protocol/task.ts';
import { readParameters } from './bind.ts';
import type { Parameters } from './bind.ts';
import type { TimeLimits } from './limits.ts';
import type { Policy } from './trace.ts';

/** A registered task with everything that does not change from message to message. */
export interface TaskPlan {
  readonly definition: TaskDefinition;
  readonly parameters: Parameters | undefined;
  readonly trackStarted: boolean;
  readonly policy: Policy;
  readonly limits: TimeLimits;
  readonly retryOnWorkerLost: boolean;
  /** The task's rate limit; 0 is none. */
  readonly startsPerSecond: number;
}

/** Task options over settings, once per task. Throws `TypeError` for parameters that cannot be read, `RangeError` for a wrong rate limit. */
export function planTask(definition: TaskDefinition, { settings }: CeleryApp): TaskPlan {
  const { options } = definition;
  const onBoth = options.acksOnFailureOrTimeout ?? settings.task_acks_on_failure_or_timeout;
  return {
    definition,
    parameters: options.params === undefined ? undefined : readParameters(definition.name, options.params),
    trackStarted: options.trackStarted ?? settings.task_track_started,
    policy: {
      acksLate: options.acksLate ?? settings.task_acks_late,
      acksOnFailure: options.acksOnFailure ?? settings.task_acks_on_failure ?? onBoth,
      acksOnTimeout: options.acksOnTimeout ?? settings.task_acks_on_timeout ?? onBoth,
      rejectOnWorkerLost: options.rejectOnWorkerLost ?? settings.task_reject_on_worker_lost,
      ignoreResult: options.ignoreResult ?? settings.task_ignore_result,
      storeErrors: options.storeErrorsEvenIfIgnored ?? settings.task_store_errors_even_if_ignored,
    },
    limits: {
      hard: options.timeLimit ?? settings.task_time_limit ?? undefined,
      soft: options.softTimeLimit ?? settings.task_soft_time_limit ?? undefined,
    },
    startsPerSecond: ratePerSecond(options.rateLimit === undefined ? settings.task_default_rate_limit : options.rateLimit),
    retryOnWorkerLost: options.retryOnWorkerLost ?? settings.task_retry_on_worker_lost,
  };
}

/** The policy for one request: its header overrides the task, absent or null leaves it. */
export function policyFor({ policy }: TaskPlan, { ignoreResult }: TaskRequest): Policy {
  return ignoreResult === undefined || ignoreResult === policy.ignoreResult ? policy : { ...policy, ignoreResult };
}
