import type { AppSignals, Signals } from '../app/signals.ts';
import type { RunOutcome, TraceAttributes, Tracing } from '../base/tracing.ts';
import type { ExceptionWire } from '../protocol/result.ts';
import { saferepr } from '../protocol/saferepr.ts';
import { printed } from './log-lines.ts';
import type { RunContext } from './context.ts';
import { runTask, stateOf } from './run-task.ts';
import type { CodeEnding, Run, Work } from './run-task.ts';

/** As `runTask`; with tracing, as a span of its own. `opentelemetry.instrumentation.celery`. */
export function runTraced(
  run: Run,
  work: Work,
  { signals, tracing }: { readonly signals: Signals<AppSignals>; readonly tracing: Tracing | undefined },
): CodeEnding | Promise<CodeEnding> {
  if (tracing === undefined) return runTask(run, work, signals);
  const { request } = work;
  const span = tracing.running(request.task, request.headers, attributesOf(run.context));
  run.trace = span.headers;
  const ended = (ending: CodeEnding): CodeEnding => {
    span.end(outcomeOf(ending));
    return ending;
  };
  const ending = span.active(() => runTask(run, work, signals));
  return ending instanceof Promise ? ending.then(ended) : ended(ending);
}

/** The keys and texts that Python's instrumentation takes from a request. */
function attributesOf({ request, deliveryInfo, correlationId, replyTo, hostname }: RunContext): TraceAttributes {
  const { exchange, routingKey, priority, redelivered } = deliveryInfo;
  const { timeLimit, softTimeLimit } = request;
  return {
    'messaging.message.id': request.id,
    'messaging.conversation_id': correlationId,
    'messaging.destination': routingKey,
    'celery.delivery_info': saferepr({ exchange, routing_key: routingKey, priority: priority ?? null, redelivered }),
    // The sender's name comes after the worker's there, under the same key.
    'celery.hostname': request.origin ?? hostname,
    'celery.reply_to': replyTo === '' ? undefined : replyTo,
    'celery.eta': request.etaText,
    'celery.expires': request.expiresText,
    'celery.retries': request.retries === 0 ? undefined : request.retries,
    'celery.timelimit':
      timeLimit === undefined && softTimeLimit === undefined
        ? undefined
        : [timeLimit, softTimeLimit].map((limit) => (limit === undefined ? '' : String(limit))),
  };
}

function outcomeOf(ending: CodeEnding): RunOutcome {
  return {
    state: stateOf(ending),
    retryReason: ending.kind === 'retry' ? ending.message : undefined,
    exception:
      ending.kind === 'failure'
        ? { name: ending.exception.exc_type, message: textOf(ending.exception), stack: ending.traceback }
        : undefined,
  };
}

/** `str(exception)`. */
function textOf({ exc_message: args }: ExceptionWire): string {
  const [only] = args;
  if (args.length === 1) return typeof only === 'string' ? only : printed(only);
  return args.map((arg) => printed(arg)).join(', ');
}
