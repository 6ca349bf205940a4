import type { CeleryApp } from '../app/celery.ts';
import type { Logger } from '../base/logger.ts';
import { messageOf } from '../base/message-of.ts';
import { clip } from './log-lines.ts';
import type { Pending } from './pending.ts';
import { revokedResult, storeState } from './results.ts';
import type { Revocation, WorkerState } from './state.ts';
import { policyFor } from './task-plan.ts';

/** What a worker discards tasks with. */
export interface DiscardOptions {
  readonly app: CeleryApp;
  readonly hostname: string;
  readonly logger: Logger;
  readonly state: WorkerState;
}

/**
 * Says of a task that it is revoked, and stores REVOKED: a store that is away costs the state, never the worker. Settling
 * its message is the caller's. Never rejects. `celery/worker/request.py Request._announce_revoked`.
 */
export async function discardRevoked(pending: Pending, why: Revocation, options: DiscardOptions): Promise<void> {
  const { app, hostname, logger, state } = options;
  const { delivery, request, plan } = pending;
  state.announceRevoked(pending, why);
  if (app.signals.has('task_revoked')) app.signals.send('task_revoked', { request, ...why });
  const { ignoreResult, storeErrors } = policyFor(plan, request);
  if (ignoreResult && !storeErrors) return;
  const result = revokedResult(why.expired ? 'expired' : why.terminated ? 'terminated' : 'revoked');
  try {
    await storeState(app, { taskId: request.id, status: 'REVOKED', result }, { delivery, request, hostname });
  } catch (error) {
    logger.error(`REVOKED of ${clip(request.id)} could not be stored: ${messageOf(error)}`);
  }
}
