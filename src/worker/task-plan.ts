import type { CeleryApp } from '../app/celery.ts';
import type { TaskDefinition } from '../app/task.ts';
import type { TaskRequest } from '../protocol/task.ts';
import { readParameters } from './bind.ts';
import type { Parameters } from './bind.ts';
import type { Policy } from './trace.ts';

/** A registered task with everything that does not change from message to message. */
export interface TaskPlan {
  readonly definition: TaskDefinition;
  readonly parameters: Parameters | undefined;
  readonly trackStarted: boolean;
  readonly policy: Policy;
}

/** Task options over settings, once per task. Throws `TypeError` for parameters that cannot be read. */
export function planTask(definition: TaskDefinition, { settings }: CeleryApp): TaskPlan {
  const { options } = definition;
  return {
    definition,
    parameters: options.params === undefined ? undefined : readParameters(definition.name, options.params),
    trackStarted: options.trackStarted ?? settings.task_track_started,
    policy: {
      acksLate: options.acksLate ?? settings.task_acks_late,
      acksOnFailure: options.acksOnFailureOrTimeout ?? settings.task_acks_on_failure_or_timeout,
      ignoreResult: options.ignoreResult ?? settings.task_ignore_result,
      storeErrors: options.storeErrorsEvenIfIgnored ?? settings.task_store_errors_even_if_ignored,
    },
  };
}

/** The policy for one request: its header overrides the task, absent or null leaves it. */
export function policyFor({ policy }: TaskPlan, { ignoreResult }: TaskRequest): Policy {
  return ignoreResult === undefined || ignoreResult === policy.ignoreResult ? policy : { ...policy, ignoreResult };
}
