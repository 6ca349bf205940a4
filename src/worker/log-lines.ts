import { LOG_FIELD_LENGTH } from '../base/limits.ts';
import type { Logger, LogLevel } from '../base/logger.ts';
import { exceptionWireRepr } from '../protocol/failure.ts';
import type { ExceptionWire } from '../protocol/result.ts';
import { saferepr } from '../protocol/saferepr.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Ending } from './trace.ts';

/** A name or id in a line: whatever a peer sent, a line stays readable. */
const LONGEST_FIELD = 256;

type Success = Extract<Ending, { readonly kind: 'success' }>;

/** As Celery writes it in lines that are not `Task …`. */
function name({ task, id }: TaskRequest): string {
  return `${clip(task)}[${clip(id)}]`;
}

function label({ task, shadow, id }: TaskRequest): string {
  return `Task ${clip(shadow ?? task)}[${clip(id)}]`;
}

/** Text of a peer's in a log line, cut to a bearable length. */
export function clip(text: string, most: number = LONGEST_FIELD): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** A value's text: one whose getters throw must not take the worker with it. */
export function printed(value: unknown): string {
  try {
    return saferepr(value, { maxLength: 512 });
  } catch {
    return '<unprintable>';
  }
}

/** Celery's log lines about tasks (`celery/app/trace.py`, `celery/worker/strategy.py`). Nothing is built for a line nobody writes. */
export const taskLog = {
  received(logger: Logger, request: TaskRequest): void {
    if (!logger.isEnabled('info')) return;
    const eta = request.eta === undefined ? '' : `  ETA:[${request.etaText ?? ''}]`;
    logger.info(`${label(request)} received${eta}`, fields(request));
  },
  succeeded(logger: Logger, request: TaskRequest, seconds: number, { value, printed: text }: Success): void {
    if (!logger.isEnabled('info')) return;
    logger.info(`${label(request)} succeeded in ${seconds.toFixed(6)}s: ${text ?? printed(value)}`, fields(request));
  },
  failed(logger: Logger, request: TaskRequest, exception: ExceptionWire, traceback: string | undefined): void {
    const trace = traceback === undefined ? '' : `\n${clip(traceback, 2048)}`;
    logger.error(`${label(request)} raised unexpected: ${clip(exceptionWireRepr(exception), LOG_FIELD_LENGTH)}${trace}`, fields(request));
  },
  softLimit(logger: Logger, request: TaskRequest, seconds: number): void {
    logger.warning(`Soft time limit (${seconds}s) exceeded for ${name(request)}`, fields(request));
  },
  hardLimit(logger: Logger, request: TaskRequest, seconds: number): void {
    logger.error(`Hard time limit (${seconds}s) exceeded for ${name(request)}`, fields(request));
  },
  /** Remote control has ended it. */
  terminated(logger: Logger, request: TaskRequest, signal: string): void {
    logger.info(`${label(request)} was terminated (${signal})`, fields(request));
  },
  /** The worker has stopped before the task was done. */
  abandoned(logger: Logger, request: TaskRequest, acksLate: boolean): void {
    const what = acksLate ? 'its message goes back to the queue' : 'its message was acked before: it is lost';
    logger.warning(`${label(request)} was abandoned by the stopping worker; ${what}`, fields(request));
  },
  /** The broker has its message again. `worker_cancel_long_running_tasks_on_connection_loss`. */
  cancelled(logger: Logger, request: TaskRequest): void {
    logger.warning(
      `${label(request)} cannot be acknowledged after a connection loss: it is ended, and its message comes again`,
      fields(request),
    );
  },
  /** Its child was lost, or it timed out, and it runs again. */
  requeued(logger: Logger, request: TaskRequest, exception: ExceptionWire, losses: number): void {
    logger.error(`${label(request)} goes back to its queue after run ${losses}: ${exceptionWireRepr(exception)}`, fields(request));
  },
  /** It ended its child every time. */
  poisonous(logger: Logger, request: TaskRequest, losses: number): void {
    const text = `ended its child or its time ${losses} times: FAILURE, and its message is rejected (task_max_deliveries)`;
    logger.critical(`${label(request)} ${text}`, fields(request));
  },
  retried(logger: Logger, request: TaskRequest, message: string): void {
    logger.info(`${label(request)} retry: ${clip(message, LOG_FIELD_LENGTH)}`, fields(request));
  },
  duplicate(logger: Logger, request: TaskRequest): void {
    logger.info(`Task ${name(request)} ignored: it has succeeded before`, fields(request));
  },
  ignored(logger: Logger, request: TaskRequest): void {
    logger.info(`${label(request)} ignored`, fields(request));
  },
  rejected(logger: Logger, request: TaskRequest, requeue: boolean, reason: string): void {
    logger.warning(`${label(request)} reject requeue=${requeue ? 'True' : 'False'}: ${clip(reason, LOG_FIELD_LENGTH)}`, fields(request));
  },
  expired(logger: Logger, request: TaskRequest): void {
    logger.info(`Discarding revoked task: ${name(request)} (expired)`, fields(request));
  },
  revoked(logger: Logger, request: TaskRequest, byStamp: boolean): void {
    const why = byStamp ? ' (revoked by header)' : '';
    logger.info(`Discarding revoked task: ${clip(request.task)}[${clip(request.id)}]${why}`, fields(request));
  },
  unregistered(logger: Logger, request: TaskRequest): void {
    logger.error(
      `Received unregistered task of type '${clip(request.task)}' [${clip(request.id)}]: the message was rejected. Is the module that defines it imported?`,
      fields(request),
    );
  },
};

function fields({ id, task }: TaskRequest): Readonly<Record<string, unknown>> {
  return { task_id: clip(id), task_name: clip(task) };
}

/** A logger whose lines say which task wrote them. */
export function taskLogger(logger: Logger, request: TaskRequest): Logger {
  const own = { ...fields(request), logger: 'task' };
  const write =
    (level: LogLevel) =>
    (message: string, more?: Readonly<Record<string, unknown>>): void =>
      logger[level](message, { ...more, ...own });
  return {
    debug: write('debug'),
    info: write('info'),
    warning: write('warning'),
    error: write('error'),
    critical: write('critical'),
    isEnabled: (level) => logger.isEnabled(level),
  };
}
