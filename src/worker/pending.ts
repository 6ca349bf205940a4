import type { RunningTask } from '../app/current.ts';
import type { TraceHeaders } from '../base/tracing.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Delivery } from '../transport/transport.ts';
import type { RunContext } from './context.ts';
import type { TaskPlan } from './task-plan.ts';
import type { Policy } from './trace.ts';

/** A task between its receipt and its start. */
export interface Pending {
  readonly delivery: Delivery;
  readonly request: TaskRequest;
  readonly plan: TaskPlan;
}

/** A task between its start and its last effect. */
export interface Running extends RunningTask {
  readonly pending: Pending;
  readonly context: RunContext;
  readonly policy: Policy;
  readonly startedMs: number;
  /** The child process that runs it, once one has it. */
  pid?: number;
  /** What makes others children of its span, once it has one. */
  trace?: TraceHeaders | undefined;
}
