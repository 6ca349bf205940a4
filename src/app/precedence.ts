import type { RouteOptions } from '../routing/router.ts';
import type { SendOptions } from './options.ts';
import type { Settings } from './settings.ts';
import type { TaskOptions } from './task.ts';

/**
 * Everything that decides about a send in one: explicit options first, then attributes of the task where it is registered, then
 * its route. An attribute left open takes its setting, and so goes before a route too. `celery/app/base.py send_task`.
 */
export function mergeOptions(
  explicit: SendOptions,
  task: TaskOptions | undefined,
  route: RouteOptions | undefined,
  settings: Settings,
): SendOptions {
  if (task === undefined) return route === undefined ? explicit : { ...route, ...given(explicit) };
  const attributes = {
    queue: task.queue,
    exchange: task.exchange,
    routingKey: task.routingKey,
    priority: task.priority ?? settings.task_default_priority ?? undefined,
    expires: task.expires,
    serializer: task.serializer ?? settings.task_serializer,
    compression: task.compression,
    deliveryMode: task.deliveryMode,
    timeLimit: task.timeLimit ?? settings.task_time_limit ?? undefined,
    softTimeLimit: task.softTimeLimit ?? settings.task_soft_time_limit ?? undefined,
  };
  return { ...route, ...given(attributes), ...given(explicit) };
}

function given<T extends object>(options: T): { readonly [key in keyof T]: Exclude<T[key], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { readonly [key in keyof T]: Exclude<T[key], undefined> };
}
