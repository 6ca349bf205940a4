import type { CeleryApp } from '../app/celery.ts';
import type { Logger } from '../base/logger.ts';
import type { ResultMeta } from '../protocol/result.ts';
import { messageOf } from '../base/message-of.ts';
import { clip } from './log-lines.ts';
import type { Running } from './pending.ts';

/** Whether a task may have succeeded before: late-acked and delivered again. `celery/app/trace.py build_tracer`. */
export function mayBeDuplicate({ pending, policy }: Running, { settings }: CeleryApp): boolean {
  return settings.worker_deduplicate_successful_tasks && policy.acksLate && pending.delivery.info.redelivered;
}

/** The stored SUCCESS of a task, if there is one. A store that cannot be read has none: the task runs again. Never rejects. */
export async function storedSuccess({ pending: { request } }: Running, app: CeleryApp, logger: Logger): Promise<ResultMeta | undefined> {
  // What rpc sends is with the caller, and cannot be read here.
  if (app.settings.result_backend === null || app.settings.result_backend.startsWith('rpc')) return undefined;
  try {
    const meta = await (await app.backend()).getMeta(request.id);
    return meta?.status === 'SUCCESS' ? meta : undefined;
  } catch (error) {
    logger.warning(`The state of ${clip(request.id)} could not be read: ${messageOf(error)}`);
    return undefined;
  }
}
