import { argsRepr, kwargsRepr } from './saferepr.ts';
import type { TaskRequest } from './task.ts';

/** A task ready to be serialised: headers and the value of its body. */
export interface TaskMessage {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/**
 * A task as protocol 2: everything but the arguments travels in headers, in Celery's order; custom headers lie flat among
 * them and win. `celery/app/amqp.py AMQP.as_task_v2`.
 */
export function encodeTaskV2(request: TaskRequest): TaskMessage {
  const headers = {
    lang: request.lang ?? 'js',
    task: request.task,
    id: request.id,
    shadow: request.shadow ?? null,
    eta: request.etaText ?? null,
    expires: request.expiresText ?? null,
    group: request.group ?? null,
    group_index: request.groupIndex ?? null,
    retries: request.retries,
    timelimit: [request.timeLimit ?? null, request.softTimeLimit ?? null],
    root_id: request.rootId ?? request.id,
    parent_id: request.parentId ?? null,
    argsrepr: request.argsrepr ?? argsRepr(request.args),
    kwargsrepr: request.kwargsrepr ?? kwargsRepr(request.kwargs),
    origin: request.origin ?? null,
    ignore_result: request.ignoreResult ?? null,
    replaced_task_nesting: request.replacedTaskNesting,
    stamped_headers: request.stampedHeaders ?? null,
    stamps: request.stamps,
    ...request.headers,
  };
  return { headers, body: [request.args, request.kwargs, request.embed] };
}
