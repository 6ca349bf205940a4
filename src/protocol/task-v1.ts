import type { TaskMessage } from './task-v2.ts';
import type { TaskRequest } from './task.ts';

/**
 * A task as protocol 1: one object in the body, custom headers only. Root, parent, shadow, stamps and ignore_result do not
 * exist there; a remaining chain becomes a link of the first step. `celery/app/amqp.py AMQP.as_task_v1`.
 */
export function encodeTaskV1(request: TaskRequest, options: { readonly utc: boolean }): TaskMessage {
  const body = {
    task: request.task,
    id: request.id,
    args: request.args,
    kwargs: request.kwargs,
    group: request.group ?? null,
    group_index: request.groupIndex ?? null,
    retries: request.retries,
    eta: request.etaText ?? null,
    expires: request.expiresText ?? null,
    utc: options.utc,
    callbacks: callbacksWithChain(request),
    errbacks: request.embed.errbacks,
    timelimit: [request.timeLimit ?? null, request.softTimeLimit ?? null],
    taskset: request.group ?? null,
    chord: request.embed.chord,
  };
  return { headers: request.headers, body };
}

function callbacksWithChain(request: TaskRequest): TaskRequest['embed']['callbacks'] {
  const { callbacks, chain } = request.embed;
  if (chain === null || chain.length === 0) return callbacks;
  // The chain is reversed: its last element comes next, and each later step is a link of the one before.
  const [last, ...earlier] = chain;
  if (last === undefined) return callbacks;
  const next = earlier.reduce((following, step) => ({ ...step, options: { ...step.options, link: [following] } }), last);
  return [...(callbacks ?? []), next];
}
