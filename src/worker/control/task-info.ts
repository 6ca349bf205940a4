import { formatUtc } from '../../base/iso8601.ts';
import { argsRepr, kwargsRepr } from '../../protocol/saferepr.ts';
import type { Pending, Running } from '../pending.ts';
import type { Scheduled } from '../state.ts';
import type { ControlContext } from './context.ts';

/** What a peer is told of a task. `celery/worker/request.py Request.info`. */
export function taskInfo({ hostname }: ControlContext, { request, delivery }: Pending, safe = false): Record<string, unknown> {
  const { id, task, args, kwargs, argsrepr, kwargsrepr } = request;
  const { exchange, routingKey, priority, redelivered } = delivery.info;
  return {
    id,
    name: task,
    args: safe ? (argsrepr ?? argsRepr(args)) : args,
    kwargs: safe ? (kwargsrepr ?? kwargsRepr(kwargs)) : kwargs,
    type: task,
    hostname,
    time_start: null,
    acknowledged: delivery.settled,
    delivery_info: { exchange, routing_key: routingKey, priority: priority ?? 0, redelivered },
    worker_pid: null,
  };
}

/** The same of a task that runs. */
export function runningInfo(context: ControlContext, running: Running, safe = false): Record<string, unknown> {
  const { host } = context.app;
  const startedMs = host.now() - (performance.now() - running.startedMs);
  return { ...taskInfo(context, running.pending, safe), time_start: startedMs / 1000, worker_pid: running.pid ?? host.pid };
}

/** kombu's timer puts tasks that wait at this priority. */
const TIMER_PRIORITY = 6;

/** The same of a task that waits for its time. */
export function scheduledInfo(context: ControlContext, { eta, pending }: Scheduled): Record<string, unknown> {
  return { eta: formatUtc(eta), priority: TIMER_PRIORITY, request: taskInfo(context, pending) };
}
