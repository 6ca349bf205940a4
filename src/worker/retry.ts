import { MaxRetriesExceededError, Reject, Retry } from '../app/exceptions.ts';
import type { ErrorClass, RetryOptions, TaskOptions } from '../app/task.ts';
import { formatUtc } from '../base/iso8601.ts';
import { errorName, exceptionRepr } from '../protocol/failure.ts';
import { argsRepr, kwargsRepr } from '../protocol/saferepr.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { ContextParts } from './context.ts';

/** Celery's defaults: three retries, three minutes apart. `celery/app/task.py`. */
const MAX_RETRIES = 3;
const RETRY_DELAY_S = 180;
const BACKOFF_MAX_S = 600;

/**
 * Publishes the task again under its id and throws `Retry`. Throws the given error, or `MaxRetriesExceededError`, when the
 * retries are used up, and `Reject` when the message could not be published. `celery/app/task.py Task.retry`.
 */
export async function retryTask(parts: ContextParts, options: RetryOptions): Promise<never> {
  const { app, plan, request, delivery } = parts;
  const { options: task } = plan.definition;
  const most = options.maxRetries === undefined ? (task.maxRetries === undefined ? MAX_RETRIES : task.maxRetries) : options.maxRetries;
  if (most !== null && request.retries + 1 > most) throw options.error ?? exhausted(request);
  const now = app.host.now();
  const countdown = options.countdown ?? task.defaultRetryDelay ?? RETRY_DELAY_S;
  const whenMs = options.eta?.getTime() ?? now + countdown * 1000;
  const { exchange, routingKey } = delivery.info;
  const route =
    options.queue === undefined ? { address: { exchange, routingKey }, queue: undefined } : app.resolveRoute({ queue: options.queue });
  try {
    await app.sendRequest(nextTry(request, options, { now, whenMs }), {
      route,
      priority: options.priority ?? delivery.message.properties.priority,
      replyTo: delivery.message.properties.replyTo ?? '',
      serializer: app.settings.task_serializer,
      compression: app.settings.task_compression ?? undefined,
      deliveryMode: app.settings.task_default_delivery_mode as 1 | 2,
      policy: app.settings.task_publish_retry_policy,
    });
  } catch (error) {
    throw Object.assign(new Reject(`retry could not be published: ${error instanceof Error ? error.message : String(error)}`), {
      cause: error,
    });
  }
  const when = options.eta === undefined ? `in ${countdown}s` : `at ${formatUtc(whenMs)}`;
  throw new Retry(`Retry ${when}${options.error === undefined ? '' : `: ${exceptionRepr(options.error)}`}`, {
    whenMs,
    reason: options.error,
  });
}

/** The same task once more: what a retry changes, and nothing else. `celery/app/task.py signature_from_request`. */
function nextTry(
  request: TaskRequest,
  options: RetryOptions,
  { now, whenMs }: { readonly now: number; readonly whenMs: number },
): TaskRequest {
  const { expires } = options;
  const expiresMs = expires === undefined ? request.expires : typeof expires === 'number' ? now + expires * 1000 : expires.getTime();
  return {
    ...request,
    args: options.args ?? request.args,
    kwargs: options.kwargs ?? request.kwargs,
    argsrepr: options.args === undefined ? request.argsrepr : undefined,
    kwargsrepr: options.kwargs === undefined ? request.kwargsrepr : undefined,
    retries: request.retries + 1,
    eta: whenMs,
    etaText: formatUtc(whenMs),
    expires: expiresMs,
    expiresText: expires === undefined || expiresMs === undefined ? request.expiresText : formatUtc(expiresMs),
    rootId: request.rootId ?? request.id,
    // A task nobody sent from a task becomes its own parent, as in Celery.
    parentId: request.parentId ?? request.id,
  };
}

function exhausted({ task, id, args, kwargs }: TaskRequest): MaxRetriesExceededError {
  return new MaxRetriesExceededError(`Can't retry ${task}[${id}] args:${argsRepr(args)} kwargs:${kwargsRepr(kwargs)}`);
}

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
