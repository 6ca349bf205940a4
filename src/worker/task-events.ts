import type { EventDispatcher } from '../events/dispatcher.ts';
import type { EventFields } from '../protocol/event.ts';
import { exceptionWireRepr } from '../protocol/failure.ts';
import { formatUtc } from '../base/iso8601.ts';
import { argsRepr, kwargsRepr, saferepr } from '../protocol/saferepr.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Pending, Running } from './pending.ts';
import type { Revocation, TaskObserver } from './state.ts';
import type { Ending } from './trace.ts';

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
    const { request } = pending;
    switch (ending.kind) {
      case 'success':
        return this.#send('task-succeeded', request, { result: printed(ending.value), runtime: seconds });
      case 'failure':
        if (policy.acksLate && !policy.acksOnFailure) this.#send('task-rejected', request, { requeue: false });
        return this.#failed(request, ending);
      case 'retry': {
        const exception = ending.exception === undefined ? 'None' : exceptionWireRepr(ending.exception);
        return this.#send('task-retried', request, { exception, traceback: ending.traceback });
      }
      case 'reject':
        if (!ending.requeue) this.#failed(request, ending);
        // A message that was acked when the task started can be rejected no more.
        if (policy.acksLate) this.#send('task-rejected', request, { requeue: ending.requeue });
        return;
      case 'abandoned':
        // A message that was not acked goes back, and its task runs elsewhere.
        return policy.acksLate ? this.#send('task-cancelled', request, {}) : this.#failed(request, ending);
      // Told as a revocation.
      case 'terminated':
      case 'ignore':
    }
  }

  revoked(pending: Pending, { terminated, signum, expired }: Revocation): void {
    if (this.#wants(pending)) this.#send('task-revoked', pending.request, { terminated, signum: signum ?? null, expired });
  }

  unregistered(request: TaskRequest): void {
    if (this.#dispatcher.sends('task')) this.#send('task-failed', request, { exception: `NotRegistered(${saferepr(request.task)})` });
  }

  #failed(request: TaskRequest, { exception, traceback }: Extract<Ending, { readonly kind: 'failure' | 'reject' | 'abandoned' }>): void {
    this.#send('task-failed', request, { exception: exceptionWireRepr(exception), traceback });
  }

  #wants({ plan }: Pending): boolean {
    return this.#dispatcher.sends('task') && plan.definition.options.sendEvents !== false;
  }

  #send(type: string, { id }: TaskRequest, fields: EventFields): void {
    this.#dispatcher.send(type, { uuid: id, ...fields });
  }
}

/** A value's text: one whose getters throw must not take the worker with it. */
function printed(value: unknown): string {
  try {
    return saferepr(value);
  } catch {
    return '<unprintable>';
  }
}
