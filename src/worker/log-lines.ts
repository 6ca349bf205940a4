import type { Logger } from '../base/logger.ts';
import { exceptionWireRepr } from '../protocol/failure.ts';
import type { ExceptionWire } from '../protocol/result.ts';
import { saferepr } from '../protocol/saferepr.ts';
import type { TaskRequest } from '../protocol/task.ts';

/** A name or id in a line: whatever a peer sent, a line stays readable. */
const LONGEST_FIELD = 256;

function label({ task, shadow, id }: TaskRequest): string {
  return `Task ${clip(shadow ?? task)}[${clip(id)}]`;
}

/** Text of a peer's in a log line, cut to a bearable length. */
export function clip(text: string, most: number = LONGEST_FIELD): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** An error's text for a line; whatever was thrown, this does not throw. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'something that cannot be printed';
  }
}

/** A value's text: one whose getters throw must not take the worker with it. */
function printed(value: unknown): string {
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
  succeeded(logger: Logger, request: TaskRequest, seconds: number, value: unknown): void {
    if (!logger.isEnabled('info')) return;
    logger.info(`${label(request)} succeeded in ${seconds.toFixed(6)}s: ${printed(value)}`, fields(request));
  },
  failed(logger: Logger, request: TaskRequest, exception: ExceptionWire, traceback: string): void {
    logger.error(
      `${label(request)} raised unexpected: ${clip(exceptionWireRepr(exception), 1024)}\n${clip(traceback, 2048)}`,
      fields(request),
    );
  },
  retried(logger: Logger, request: TaskRequest, message: string): void {
    logger.info(`${label(request)} retry: ${clip(message, 1024)}`, fields(request));
  },
  ignored(logger: Logger, request: TaskRequest): void {
    logger.info(`${label(request)} ignored`, fields(request));
  },
  rejected(logger: Logger, request: TaskRequest, requeue: boolean, reason: string): void {
    logger.warning(`${label(request)} reject requeue=${requeue ? 'True' : 'False'}: ${clip(reason, 1024)}`, fields(request));
  },
  expired(logger: Logger, request: TaskRequest): void {
    logger.info(`Discarding revoked task: ${clip(request.task)}[${clip(request.id)}] (expired)`, fields(request));
  },
  revoked(logger: Logger, request: TaskRequest, byStamp: boolean): void {
    const why = byStamp ? ' (revoked by header)' : '';
    logger.info(`Discarding revoked task: ${clip(request.task)}[${clip(request.id)}]${why}`, fields(request));
  },
  terminated(logger: Logger, request: TaskRequest, signal: string): void {
    logger.error(`${label(request)} terminated with ${signal}`, fields(request));
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
