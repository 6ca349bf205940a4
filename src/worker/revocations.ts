import { ImproperlyConfiguredError } from '../base/errors.ts';
import type { TaskRequest } from '../protocol/task.ts';
import { lastOf, LimitedSet } from './limited-set.ts';

/** Celery's environment variables of the set of revoked ids. */
export interface RevocationEnvironment {
  readonly CELERY_WORKER_REVOKES_MAX?: string | undefined;
  readonly CELERY_WORKER_REVOKE_EXPIRES?: string | undefined;
}

/** Stamps that are kept for one header: a stranger could send more than a worker can hold. */
const MOST_STAMPS = 50_000;
const MOST_HEADERS = 1000;

/** What was revoked: ids, and values of stamped headers. `celery/worker/state.py revoked, revoked_stamps`. */
export class Revocations {
  readonly ids: LimitedSet;
  readonly #stamps = new Map<string, Set<unknown>>();

  /** Throws `ImproperlyConfiguredError` for limits in the environment that are no numbers. */
  constructor(env: RevocationEnvironment = {}) {
    const most = numberOf(env, 'CELERY_WORKER_REVOKES_MAX', 50_000);
    const expires = numberOf(env, 'CELERY_WORKER_REVOKE_EXPIRES', 10_800);
    this.ids = new LimitedSet({ most, expiresMs: expires * 1000 });
  }

  /** Revokes tasks that carry one of these stamps. */
  addStamps(header: string, stamps: readonly unknown[]): void {
    const known = this.#stamps.get(header) ?? new Set();
    if (!this.#stamps.has(header) && this.#stamps.size >= MOST_HEADERS) forgetOldest(this.#stamps, 1);
    this.#stamps.set(header, known);
    for (const stamp of lastOf(stamps, MOST_STAMPS)) known.add(stamp);
    forgetOldest(known, known.size - MOST_STAMPS);
  }

  /** Whether a task must not run: `undefined`, or why. `celery/worker/request.py Request.revoked`. */
  reason({ id, stampedHeaders, stamps }: TaskRequest): 'id' | 'stamp' | undefined {
    if (this.ids.has(id)) return 'id';
    if (this.#stamps.size === 0 || stampedHeaders === undefined) return undefined;
    return stampedHeaders.some((header) => this.#hits(header, stamps[header])) ? 'stamp' : undefined;
  }

  #hits(header: string, value: unknown): boolean {
    const revoked = this.#stamps.get(header);
    if (revoked === undefined) return false;
    return (Array.isArray(value) ? value : [value]).some((stamp) => revoked.has(stamp));
  }
}

function forgetOldest(collection: { keys(): Iterable<unknown>; delete(key: unknown): boolean }, count: number): void {
  let left = count;
  for (const key of collection.keys()) {
    if (left <= 0) return;
    collection.delete(key);
    left -= 1;
  }
}

function numberOf(env: RevocationEnvironment, name: keyof RevocationEnvironment, fallback: number): number {
  const text = env[name];
  if (text === undefined) return fallback;
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number < 0)
    throw new ImproperlyConfiguredError(`${name} must be a number of 0 or more, not '${text.slice(0, 100)}'`);
  return number;
}
