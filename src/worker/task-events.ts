import type { EventDispatcher } from '../events/dispatcher.ts';
import type { EventFields } from '../protocol/event.ts';
import { exceptionWireRepr } from '../protocol/failure.ts';
import { formatUtc } from '../base/iso8601.ts';
import { argsRepr, kwargsRepr, saferepr } from '../protocol/saferepr.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Pending, Running } from './pending.ts';
import type { Revocation, TaskObserver } from './state.ts';
import type { Ending, Policy } from './trace.ts';

/** The events that tell what became of a task. `celery/events/state.py TASK_EVENT_TO_STATE`. */
export type TaskEventType =
  | 'task-received'
  | 'task-started'
  | 'task-succeeded'
  | 'task-failed'
  | 'task-rejected'
  | 'task-retried'
  | 'task-cancelled'
  | 'task-revoked';

/** Which events say how a run ended, in their order. */
export function eventsAtEnd(ending: Ending, { acksLate, acksOnFailure }: Policy): readonly TaskEventType[] {
  switch (ending.kind) {
    case 'success':
      return ['task-succeeded'];
    case 'failure':
      return acksLate && !acksOnFailure ? ['task-rejected', 'task-failed'] : ['task-failed'];
    case 'retry':
      return ['task-retried'];
    case 'reject': {
      const failed = ending.requeue ? [] : (['task-failed'] as const);
      // A message that was acked when the task started can be rejected no more.
      return acksLate ? [...failed, 'task-rejected'] : failed;
    }
    case 'abandoned':
      // A message that was not acked goes back, and its task runs elsewhere.
      return acksLate ? ['task-cancelled'] : ['task-failed'];
    // Told as a revocation.
    case 'terminated':
    case 'ignore':
      return [];
  }
}

/** Says what happens to each task, in Celery's events. `celery/worker/strategy.py`, `celery/worker/request.py send_event`. */
export class TaskEvents implements TaskObserver {
  readonly #dispatcher: EventDispatcher;

  constructor(dispatcher: EventDispatcher) {
    this.#dispatcher = dispatcher;
  }

  received(pending: Pending): void {
    if (!this.#wants(pending)) return;
    const { request } = pending;
    this.#send('task-received', request, {
      name: request.task,
      args: request.argsrepr ?? argsRepr(request.args),
      kwargs: request.kwargsrepr ?? kwargsRepr(request.kwargs),
      root_id: request.rootId ?? null,
      parent_id: request.parentId ?? null,
      retries: request.retries,
      eta: request.eta === undefined ? null : formatUtc(request.eta),
      expires: request.expires === undefined ? null : formatUtc(request.expires),
    });
  }

  started({ pending }: Running): void {
    if (this.#wants(pending)) this.#send('task-started', pending.request, {});
  }

  ended({ pending, policy }: Running, ending: Ending, seconds: number): void {
    if (!this.#wants(pending)) return;
    for (const type of eventsAtEnd(ending, policy)) this.#send(type, pending.request, fieldsAtEnd(type, ending, seconds));
  }

  revoked(pending: Pending, { terminated, signum, expired }: Revocation): void {
    if (this.#wants(pending)) this.#send('task-revoked', pending.request, { terminated, signum: signum ?? null, expired });
  }

  unregistered(request: TaskRequest): void {
    if (this.#dispatcher.sends('task')) this.#send('task-failed', request, { exception: `NotRegistered(${saferepr(request.task)})` });
  }

  #wants({ plan }: Pending): boolean {
    return this.#dispatcher.sends('task') && plan.definition.options.sendEvents !== false;
  }

  #send(type: string, { id }: TaskRequest, fields: EventFields): void {
    this.#dispatcher.send(type, { uuid: id, ...fields });
  }
}

function fieldsAtEnd(type: TaskEventType, ending: Ending, seconds: number): EventFields {
  if (type === 'task-rejected') return { requeue: ending.kind === 'reject' && ending.requeue };
  if (type === 'task-cancelled') return {};
  if (ending.kind === 'success') return { result: printed(ending.value), runtime: seconds };
  if (!('traceback' in ending)) return {};
  const exception = ending.exception === undefined ? 'None' : exceptionWireRepr(ending.exception);
  return { exception, traceback: ending.traceback };
}

/** A value's text: one whose getters throw must not take the worker with it. */
function printed(value: unknown): string {
  try {
    return saferepr(value);
  } catch {
    return '<unprintable>';
  }
}
