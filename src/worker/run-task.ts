import { runInTask } from '../app/current.ts';
import type { RunningTask } from '../app/current.ts';
import { Ignore, Reject, Retry } from '../app/exceptions.ts';
import type { AppSignals, Signals } from '../app/signals.ts';
import { EncodeError, TqError } from '../base/errors.ts';
import { encodeException, encodeTraceback } from '../protocol/failure.ts';
import type { TaskRequest } from '../protocol/task.ts';
import { automaticRetry } from './autoretry.ts';
import { bindArguments } from './bind.ts';
import type { RunContext } from './context.ts';
import { SoftTimeLimitExceeded, TimeLimitExceeded } from './limits.ts';
import type { TraceHeaders } from '../base/tracing.ts';
import { messageOf } from '../base/message-of.ts';
import type { TaskPlan } from './task-plan.ts';
import { readable } from './thrown.ts';
import type { Ending } from './trace.ts';

/** Whose code runs: the context it sees, and the subtasks it has sent. */
export interface Run extends RunningTask {
  readonly context: RunContext;
  /** What makes others children of its span, where it has one. */
  trace?: TraceHeaders | undefined;
}

/** How code of a task can end by itself. */
export type CodeEnding = Extract<Ending, { readonly kind: 'success' | 'failure' | 'retry' | 'ignore' | 'reject' }>;

/** What runs: a request and the task it names. */
export interface Work {
  readonly request: TaskRequest;
  readonly plan: TaskPlan;
}

/**
 * Runs the code of a task, in the worker's own process or in a child of its pool: binds its arguments, calls its handler, publishes its retry, and says how that ended. At once,
 * where the task did not wait for anything. Never throws and never rejects. `celery/app/trace.py build_tracer`.
 */
export function runTask(run: Run, work: Work, signals: Signals<AppSignals>): CodeEnding | Promise<CodeEnding> {
  const { request, plan } = work;
  if (signals.has('task_prerun')) signals.send('task_prerun', { taskId: request.id, context: run.context });
  const ended = (own: CodeEnding, thrown?: unknown): CodeEnding => {
    const ending: CodeEnding = run.context.isAbandoned ? { kind: 'ignore' } : own;
    tell(signals, run.context, ending, thrown);
    return ending;
  };
  const failed = (thrown: unknown): Promise<CodeEnding> => {
    const error = reasonOf(run.context, thrown);
    return endingOf(run, work, readable(error)).then((ending) => ended(ending, error));
  };
  try {
    const value: unknown = runInTask(run, () =>
      Reflect.apply(plan.definition.handler, run.context, bindArguments(request.task, plan.parameters, request.args, request.kwargs)),
    );
    if (!isThenable(value)) return ended(success(value));
    return Promise.resolve(value).then((settled) => ended(success(settled)), failed);
  } catch (error) {
    return failed(error);
  }
}

const STATES: Readonly<Record<CodeEnding['kind'], string>> = {
  success: 'SUCCESS',
  failure: 'FAILURE',
  retry: 'RETRY',
  ignore: 'IGNORED',
  reject: 'REJECTED',
};

/** Celery's word for how code ended. */
export function stateOf({ kind }: CodeEnding): string {
  return STATES[kind];
}

/** The signals of an ending, in Celery's order. */
function tell(signals: Signals<AppSignals>, context: RunContext, ending: CodeEnding, thrown: unknown): void {
  if (ending.kind === 'success' && signals.has('task_success')) signals.send('task_success', { context, result: ending.value });
  if (ending.kind === 'failure' && signals.has('task_failure'))
    signals.send('task_failure', { taskId: context.id, context, exception: thrown });
  if (ending.kind === 'retry' && signals.has('task_retry')) signals.send('task_retry', { context, reason: thrown });
  if (!signals.has('task_postrun')) return;
  const retval = ending.kind === 'success' ? ending.value : thrown;
  signals.send('task_postrun', { taskId: context.id, context, retval, state: stateOf(ending) });
}

function success(value: unknown): CodeEnding {
  return { kind: 'success', value: value === undefined ? null : value };
}

/** What waits with a signal rejects with an AbortError of its own: a time limit is what made it. */
function reasonOf({ abortReason }: RunContext, thrown: unknown): unknown {
  const isLimit = abortReason instanceof SoftTimeLimitExceeded || abortReason instanceof TimeLimitExceeded;
  return isLimit && thrown instanceof Error && thrown.name === 'AbortError' ? abortReason : thrown;
}

/** The failure of a task whose value or error cannot be serialised. */
export function unsendable(error: unknown): CodeEnding & { readonly kind: 'failure' } {
  return failureOf(error instanceof TqError ? error : new EncodeError(`cannot be serialised: ${messageOf(error)}`, { cause: error }));
}

/** The failure of a task whose code threw `error`, or was ended from outside because of it. */
export function failureOf(error: unknown): CodeEnding & { readonly kind: 'failure'; readonly traceback: string } {
  return { kind: 'failure', exception: encodeException(error), traceback: encodeTraceback(error) };
}

async function endingOf(run: Run, { request, plan }: Work, error: unknown): Promise<CodeEnding> {
  if (error instanceof Retry) return retried(error, error.message);
  if (error instanceof Ignore) return { kind: 'ignore' };
  if (error instanceof Reject) {
    const exception = { exc_type: 'Reject', exc_message: [error.message, error.requeue], exc_module: 'celery.exceptions' };
    return { kind: 'reject', requeue: error.requeue, exception, traceback: encodeTraceback(error), message: error.message };
  }
  const retry = run.context.isAbandoned ? undefined : automaticRetry(error, request, plan.definition.options);
  if (retry === undefined) return failureOf(error);
  try {
    return await runInTask(run, () => run.context.retry(retry));
  } catch (thrown) {
    // The retries are used up: the error itself comes back and is the end.
    if (thrown === error) return failureOf(error);
    const next = readable(thrown);
    return next instanceof Retry ? retried(next, `Retry: ${messageOf(error)}`) : endingOf(run, { request, plan }, next);
  }
}

function retried(retry: Retry, message: string): CodeEnding {
  const exception = retry.reason === undefined ? undefined : encodeException(readable(retry.reason));
  return { kind: 'retry', exception, traceback: encodeTraceback(retry), message };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
