import { parseIso8601 } from '../../base/iso8601.ts';
import { runVerdict } from './run.ts';
import { crashLoop, elements, isHashable, isTrue, verdict } from './verdict.ts';
import type { CeleryRelease, PythonVerdict } from './verdict.ts';

/** A task message taken apart: protocol 2's headers, or protocol 1's object, and the three parts of the body. */
export interface TaskParts {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly embed: unknown;
}

const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const MIN_MS = new Date(0).setUTCFullYear(1, 0, 1);

/** From the making of the request to the pool. `worker/request.py Request`, `worker/strategy.py default`. */
export function requestVerdict(parts: TaskParts, nowMs: number, release: CeleryRelease): PythonVerdict {
  const { fields } = parts;
  const eta = moment('ETA', fields['eta']);
  if (typeof eta === 'object') return eta;
  const expires = moment('expires', fields['expires']);
  if (typeof expires === 'object') return expires;
  if (!isHashable(fields['id'])) return crashLoop('TypeError: the id cannot be a key');
  if (expires !== undefined && nowMs > expires) return verdict('revoked', 'REVOKED', 'it has expired: TaskRevokedError("expired")');
  if (eta !== undefined && (eta > MAX_MS || eta < MIN_MS)) return impossibleEta(release);
  if (eta !== undefined && eta > nowMs) {
    const then = executeVerdict(parts);
    const held = 'it waits for its eta, unacknowledged, and prefetch grows by one';
    return verdict('held', then.stored, then.why === '' ? held : `${held}; then ${then.ending}: ${then.why}`);
  }
  return executeVerdict(parts);
}

/** Epoch milliseconds, `undefined` for none, or how such a value ends the message. */
function moment(name: string, value: unknown): number | undefined | PythonVerdict {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return value.getTime();
  if (!isTrue(value)) return crashLoop(`AttributeError: an empty ${name} becomes None, which has no time zone`);
  const parsed = typeof value === 'string' ? parseIso8601(value) : undefined;
  return parsed === undefined
    ? verdict('rejected', 'nothing', `"Received invalid task message": invalid ${name} value; nothing is stored, the sender waits for ever`)
    : parsed.epochMs;
}

function impossibleEta(release: CeleryRelease): PythonVerdict {
  const why = 'OverflowError: its eta is no moment of UTC';
  return release === '5.7' ? verdict('rejected', 'FAILURE', why) : verdict('rejected', 'nothing', `${why}; it is handed on all the same`);
}

/** `Request.execute_using_pool`: stamps and time limits are first touched here, in the worker's own process. */
function executeVerdict(parts: TaskParts): PythonVerdict {
  const { fields } = parts;
  const { stamped_headers: stamped, timelimit } = fields as { readonly [key in 'stamped_headers' | 'timelimit']?: unknown };
  if (isTrue(stamped) && elements(stamped)?.every(isHashable) !== true)
    return crashLoop('TypeError: stamped_headers is not a list of names');
  return limitsVerdict(timelimit) ?? runVerdict(parts);
}

function limitsVerdict(timelimit: unknown): PythonVerdict | undefined {
  if (!isTrue(timelimit)) return undefined;
  const limits = elements(timelimit);
  if (limits?.length !== 2) return crashLoop('the time limit is not a pair of hard and soft');
  const [hard, soft] = limits;
  if (![hard, soft].every((limit) => limit === null || ['number', 'bigint', 'boolean'].includes(typeof limit)))
    return crashLoop('TypeError: a time limit is no number; the task may have run');
  const negative = typeof hard === 'number' && hard < 0;
  return negative ? verdict('fails', 'FAILURE', `its process is killed at once: TimeLimitExceeded(${hard})`) : undefined;
}
