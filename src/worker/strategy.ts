import type { EpochMs } from '../base/host.ts';
import type { TaskRequest } from '../protocol/task.ts';

/** What to do with a request that has arrived, or whose time has come. */
export type Verdict =
  | { readonly kind: 'run' }
  /** Not before `until`. */
  | { readonly kind: 'hold'; readonly until: EpochMs }
  /** Its time is over: REVOKED, acked. */
  | { readonly kind: 'discard'; readonly reason: 'expired' };

/** Decides at receipt, and again when a held task's time has come. `celery/worker/strategy.py default`. */
export function decide(request: TaskRequest, nowMs: EpochMs): Verdict {
  if (request.expires !== undefined && nowMs > request.expires) return { kind: 'discard', reason: 'expired' };
  if (request.eta !== undefined && request.eta > nowMs) return { kind: 'hold', until: request.eta };
  return { kind: 'run' };
}
