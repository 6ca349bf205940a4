import type { Logger } from '../base/logger.ts';
import type { EventFields } from '../protocol/event.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { DeliveryInfo } from '../transport/transport.ts';

/** What a running task sees of itself: `this` of a `function` handler, and `currentTask()` for arrow functions. `celery.app.task.Context`. */
export interface TaskContext {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly retries: number;
  readonly hostname: string;
  readonly request: TaskRequest;
  readonly deliveryInfo: DeliveryInfo;
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
  /** Logs as this task: with its name and id, in `worker_task_log_format`. `celery.utils.log.get_task_logger`. */
  readonly logger: Logger;
  readonly isEager: false;
  /** Aborted when the worker gives the task up. */
  readonly signal: AbortSignal;
  /**
   * Publishes the task again and throws `Retry`; `throw` the call itself in an async handler: `throw await this.retry()`.
   * Throws `error`, or `MaxRetriesExceededError`, when the retries are used up.
   */
  retry(options?: RetryOptions): Promise<never>;
  /**
   * Sends an event of your own, such as `task-progress`, to whoever watches; whether the worker sends task events or not.
   * Throws `TypeError` for a type or field that cannot be, and `EncodeError` for a value that cannot be sent.
   */
  sendEvent(type: string, fields?: EventFields): void;
  /** Stores a state of your own with `meta` as its result. */
  updateState(state: string, meta?: unknown): Promise<void>;
}

/** Options of `retry`, in seconds as in Celery. */
export interface RetryOptions {
  readonly countdown?: number;
  readonly eta?: Date;
  readonly error?: unknown;
  readonly maxRetries?: number | null;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly expires?: number | Date;
  readonly queue?: string;
  readonly priority?: number;
}

/** Code of a task. Arguments arrive bound as Python binds them. */
// eslint-disable-next-line typescript/no-explicit-any -- a handler declares its own parameter types
export type TaskHandler = (this: TaskContext, ...args: any[]) => unknown;

/** Options of `app.task(name, options, handler)`; Celery's attributes in camelCase, times in seconds. `undefined` falls back to the setting. */
export interface TaskOptions {
  /** Declared parameters, for keyword arguments: `name`, `name?` that may be missing, `*` before those by keyword only, `*args`, `**kwargs`. */
  readonly params?: readonly string[];
  readonly acksLate?: boolean;
  /** `acksOnFailure` and `acksOnTimeout` together; each wins over it. */
  readonly acksOnFailureOrTimeout?: boolean;
  /** `false` rejects a failed late-acked message without requeue. */
  readonly acksOnFailure?: boolean;
  /** `false` puts a late-acked message back into its queue at the hard time limit. */
  readonly acksOnTimeout?: boolean;
  /** Puts a late-acked message back into its queue when the child that ran it is lost. */
  readonly rejectOnWorkerLost?: boolean;
  /** Retries when the child that ran it is lost, early-acked or late. */
  readonly retryOnWorkerLost?: boolean;
  readonly ignoreResult?: boolean;
  readonly storeErrorsEvenIfIgnored?: boolean;
  readonly trackStarted?: boolean;
  /** `false` keeps the worker from sending events about this task. */
  readonly sendEvents?: boolean;
  /** `null` retries for ever. Default 3. */
  readonly maxRetries?: number | null;
  /** Seconds. Default 180. */
  readonly defaultRetryDelay?: number;
  /** Error classes, or names of them, that make the task retry by itself. */
  readonly autoretryFor?: readonly (ErrorClass | string)[];
  readonly dontAutoretryFor?: readonly (ErrorClass | string)[];
  readonly retryBackoff?: boolean | number;
  readonly retryBackoffMax?: number;
  readonly retryJitter?: boolean;
  readonly retryKwargs?: RetryOptions;
  /** Publishing defaults of this task. */
  readonly queue?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly priority?: number;
  /** Seconds. */
  readonly expires?: number;
  readonly serializer?: string;
  readonly compression?: string;
  readonly deliveryMode?: 1 | 2;
  /** Seconds; sent with the task, and so in force on whichever worker runs it. */
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  /** Starts of this task in each worker: `10/s`, `100/m`, `2/h` or a number a second; 0 and `null` are no limit. */
  readonly rateLimit?: string | number | null;
}

// eslint-disable-next-line typescript/no-explicit-any -- any constructor of an error will do
export type ErrorClass = abstract new (...args: any[]) => Error;

/** A registered task. */
export interface TaskDefinition {
  readonly name: string;
  readonly handler: TaskHandler;
  readonly options: TaskOptions;
}
