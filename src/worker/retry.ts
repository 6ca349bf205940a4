import { MaxRetriesExceededError, Reject, Retry } from '../app/exceptions.ts';
import type { RetryOptions } from '../app/task.ts';
import { nearest } from '../base/nearest.ts';
import { formatUtc } from '../base/iso8601.ts';
import { exceptionRepr } from '../protocol/failure.ts';
import { argsRepr, kwargsRepr } from '../protocol/saferepr.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Parameters } from './bind.ts';
import type { ContextParts } from './context.ts';
import { messageOf } from '../base/message-of.ts';

/** Celery's defaults: three retries, three minutes apart. `celery/app/task.py`. */
const MAX_RETRIES = 3;
const RETRY_DELAY_S = 180;

const OPTIONS: ReadonlySet<string> = new Set<keyof RetryOptions>([
  'countdown',
  'eta',
  'error',
  'maxRetries',
  'args',
  'kwargs',
  'expires',
  'queue',
  'priority',
]);

/**
 * Publishes the task again under its id and throws `Retry`. Throws the given error, or `MaxRetriesExceededError`, when the
 * retries are used up, `Reject` when the message could not be published, and `TypeError` for an option that does not exist.
 * `celery/app/task.py Task.retry`.
 */
export async function retryTask(parts: ContextParts, options: RetryOptions, check: () => void): Promise<never> {
  checkOptions(options);
  const { app, plan, delivery } = parts;
  const { options: task } = plan.definition;
  const request = { ...parts.request, ...rebind(parts.request, options, plan.parameters) };
  const most = options.maxRetries === undefined ? (task.maxRetries === undefined ? MAX_RETRIES : task.maxRetries) : options.maxRetries;
  if (most !== null && request.retries + 1 > most) throw options.error ?? exhausted(request);
  const now = app.host.now();
  const countdown = options.countdown ?? task.defaultRetryDelay ?? RETRY_DELAY_S;
  const whenMs = options.eta?.getTime() ?? now + countdown * 1000;
  const { exchange, routingKey } = delivery.info;
  const route =
    options.queue === undefined ? { address: { exchange, routingKey }, queue: undefined } : app.resolveRoute({ queue: options.queue });
  try {
    await app.sendRequest(
      { ...nextTry(request, options, { now, whenMs }), ignoreResult: request.ignoreResult ?? plan.policy.ignoreResult },
      {
        route,
        priority: options.priority ?? delivery.message.properties.priority,
        replyTo: delivery.message.properties.replyTo ?? '',
        serializer: app.settings.task_serializer,
        compression: app.settings.task_compression ?? undefined,
        deliveryMode: app.settings.task_default_delivery_mode as 1 | 2,
        policy: app.settings.task_publish_retry_policy,
        check,
      },
    );
  } catch (error) {
    throw Object.assign(new Reject(`retry could not be published: ${messageOf(error)}`), {
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

function checkOptions(options: RetryOptions): void {
  for (const name in options) {
    if (OPTIONS.has(name)) continue;
    const near = nearest(name, OPTIONS);
    throw new TypeError(`retry has no option ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
}

type Arguments = Pick<TaskRequest, 'args' | 'kwargs' | 'argsrepr' | 'kwargsrepr'>;

/**
 * The arguments of the next try. Given positions drop the inherited keywords of the same parameters, and given keywords
 * replace inherited positions, as in Celery 5.7.
 */
function rebind(request: TaskRequest, { args, kwargs }: RetryOptions, parameters: Parameters | undefined): Arguments | undefined {
  if (args === undefined && kwargs === undefined) return undefined;
  const unprinted = { argsrepr: undefined, kwargsrepr: undefined };
  if (args !== undefined && kwargs !== undefined) return { args, kwargs, ...unprinted };
  const names = parameters?.names ?? [];
  if (args !== undefined) {
    const taken = new Set(names.slice(0, args.length));
    const rest = Object.entries(request.kwargs).filter(([name]) => !taken.has(name));
    return { args, kwargs: Object.fromEntries(rest), ...unprinted };
  }
  const given = { ...kwargs };
  const positions = [...request.args];
  if (positions.length <= names.length || parameters?.varArgs === true) {
    for (const [index, name] of names.slice(0, positions.length).entries()) {
      if (!Object.hasOwn(given, name)) continue;
      positions[index] = given[name];
      delete given[name];
    }
  }
  return { args: positions, kwargs: given, ...unprinted };
}

function exhausted({ task, id, args, kwargs }: TaskRequest): MaxRetriesExceededError {
  return new MaxRetriesExceededError(`Can't retry ${task}[${id}] args:${argsRepr(args)} kwargs:${kwargsRepr(kwargs)}`);
}
