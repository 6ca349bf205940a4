import type { ExceptionWire } from '../protocol/result.ts';
import type { SignatureWire } from '../protocol/signature.ts';
import type { TaskState } from '../protocol/state.ts';
import type { TaskRequest } from '../protocol/task.ts';

/** How a run ended, in the words of the wire. */
export type Ending =
  /** `printed` is its text, where the value itself stayed in a child because nobody waits for it. */
  | { readonly kind: 'success'; readonly value: unknown; readonly printed?: string | undefined }
  /** `cause`: its code did not end by itself; `poison`: again and again, and its message is rejected. */
  | {
      readonly kind: 'failure';
      readonly exception: ExceptionWire;
      readonly traceback: string | undefined;
      readonly cause?: 'lost' | 'timeout' | 'poison';
    }
  /** Ended by remote control. */
  | { readonly kind: 'terminated'; readonly signal: string }
  /** Its worker could not wait for it any longer; the failure is for those whose message is acked already. */
  | { readonly kind: 'abandoned'; readonly exception: ExceptionWire; readonly traceback: string | undefined }
  /** The next try is with the broker. `message` is for the log. */
  | { readonly kind: 'retry'; readonly exception: ExceptionWire | undefined; readonly traceback: string; readonly message: string }
  | { readonly kind: 'ignore' }
  | {
      readonly kind: 'reject';
      readonly requeue: boolean;
      readonly exception: ExceptionWire;
      readonly traceback: string;
      readonly message: string;
    };

/** One thing to do after a run. */
export type Effect =
  | {
      readonly kind: 'publish';
      readonly signature: SignatureWire;
      readonly args: readonly unknown[];
      readonly chain: readonly SignatureWire[] | undefined;
      /** Its place among signatures that are sent as one anonymous group. */
      readonly groupIndex: number | undefined;
    }
  | {
      readonly kind: 'store';
      readonly taskId: string;
      readonly status: TaskState;
      readonly result: unknown;
      readonly traceback: string | undefined;
    }
  /** Something the message asks for that is not built: said aloud. */
  | { readonly kind: 'warn'; readonly text: string }
  | { readonly kind: 'ack' }
  | { readonly kind: 'reject'; readonly requeue: boolean };

/** What a task and its message say about results and acknowledgement. */
export interface Policy {
  readonly acksLate: boolean;
  readonly acksOnFailure: boolean;
  readonly acksOnTimeout: boolean;
  readonly rejectOnWorkerLost: boolean;
  readonly ignoreResult: boolean;
  readonly storeErrors: boolean;
}

/**
 * What follows from a run, in order: callbacks before the result, so that its children are complete; the settle last, and
 * only for late acks, since an early one was sent when the task started. `celery/app/trace.py build_tracer`,
 * `celery/worker/request.py on_failure`.
 */
export function conclude(request: TaskRequest, ending: Ending, policy: Policy): Effect[] {
  switch (ending.kind) {
    case 'success':
      return [
        ...callbacks(request, ending.value),
        ...stored(policy.ignoreResult, request.id, 'SUCCESS', ending.value),
        ...chordWarning(request),
        ...settle(policy, { kind: 'ack' }),
      ];
    case 'failure':
      if (runsAgain(ending, policy)) return [{ kind: 'reject', requeue: true }];
      return [
        ...failure(request, ending.exception, ending.traceback, policy),
        ...settle(policy, isAcked(ending.cause, policy) ? { kind: 'ack' } : { kind: 'reject', requeue: false }),
      ];
    case 'terminated':
      return [...stored(policy.ignoreResult && !policy.storeErrors, request.id, 'REVOKED', TERMINATED), ...settle(policy, { kind: 'ack' })];
    case 'abandoned':
      if (policy.acksLate) return [{ kind: 'reject', requeue: true }];
      return failure(request, ending.exception, ending.traceback, policy);
    case 'retry':
      return [
        ...stored(policy.ignoreResult && !policy.storeErrors, request.id, 'RETRY', ending.exception ?? null, ending.traceback),
        ...settle(policy, { kind: 'ack' }),
      ];
    case 'ignore':
      return settle(policy, { kind: 'ack' });
    case 'reject':
      return rejected(request, ending, policy);
  }
}

const TERMINATED: ExceptionWire = { exc_type: 'TaskRevokedError', exc_message: ['terminated'], exc_module: 'celery.exceptions' };

/**
 * Whether a failure puts a late-acked message back into its queue: a lost child with `reject_on_worker_lost`, a hard time
 * limit without `acks_on_timeout`. Nothing is stored then (Celery stores a failure in the second case and runs it all the same).
 */
export function runsAgain(ending: Ending, policy: Policy): boolean {
  if (ending.kind !== 'failure' || !policy.acksLate) return false;
  return (ending.cause === 'lost' && policy.rejectOnWorkerLost) || (ending.cause === 'timeout' && !policy.acksOnTimeout);
}

function isAcked(cause: 'lost' | 'timeout' | 'poison' | undefined, policy: Policy): boolean {
  return cause === 'timeout' || (cause !== 'poison' && policy.acksOnFailure);
}

function rejected(request: TaskRequest, ending: Ending & { readonly kind: 'reject' }, policy: Policy): Effect[] {
  const { requeue, exception, traceback } = ending;
  // Celery 5.7 stores a failure for a rejection without requeue, early ack or late.
  const result = requeue ? [] : failure(request, exception, traceback, policy);
  return [...result, ...settle(policy, { kind: 'reject', requeue })];
}

function callbacks(request: TaskRequest, value: unknown): Effect[] {
  const { callbacks: links, chain } = request.embed;
  // One link is sent as it is, several as a group. `celery/app/trace.py _dispatch_callbacks_and_chain`.
  const grouped = links !== null && links.length > 1;
  const effects: Effect[] = (links ?? []).map((signature, index) => publish(signature, value, grouped ? index : undefined));
  // The chain is reversed: its last element is the next step, and the others go with it.
  const next = chain?.at(-1);
  if (next !== undefined) effects.push(publish(next, value, undefined, chain?.slice(0, -1)));
  return effects;
}

function publish(signature: SignatureWire, arg: unknown, groupIndex: number | undefined, chain?: readonly SignatureWire[]): Effect {
  return { kind: 'publish', signature, args: [arg], chain, groupIndex };
}

function failure(request: TaskRequest, exception: ExceptionWire, traceback: string | undefined, policy: Policy): Effect[] {
  const hidden = policy.ignoreResult && !policy.storeErrors;
  const effects = stored(hidden, request.id, 'FAILURE', exception, traceback);
  // Whoever waits for a later step must hear of it: each gets the same failure. `celery/backends/base.py _fail_chain`.
  for (const step of request.embed.chain ?? []) {
    const taskId = step.options['task_id'];
    if (typeof taskId === 'string') effects.push(...stored(hidden, taskId, 'FAILURE', exception, traceback));
  }
  // Errbacks are a group even when there is one. `_call_task_errbacks`.
  for (const [index, signature] of (request.embed.errbacks ?? []).entries()) effects.push(publish(signature, request.id, index));
  return [...effects, ...chordWarning(request)];
}

function stored(hidden: boolean, taskId: string, status: TaskState, result: unknown, traceback?: string): Effect[] {
  return hidden ? [] : [{ kind: 'store', taskId, status, result, traceback }];
}

function chordWarning({ id, embed }: TaskRequest): Effect[] {
  if (embed.chord === null) return [];
  return [
    {
      kind: 'warn',
      text: `Task ${id} belongs to a chord, which is not built yet: its part was not reported and the chord's body ${embed.chord.task} will wait for it`,
    },
  ];
}

function settle(policy: Policy, effect: Effect): Effect[] {
  return policy.acksLate ? [effect] : [];
}
