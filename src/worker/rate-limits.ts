import { ratePerSecond } from '../app/rate.ts';
import type { Pending } from './pending.ts';

interface Waiting {
  readonly pending: Pending;
  readonly start: (pending: Pending) => void;
}

/** A token bucket of one token, and what waits for the next. `kombu/utils/limits.py TokenBucket`. */
class Bucket {
  rate: number;
  #tokens = 1;
  #atMs = performance.now();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(rate: number) {
    this.rate = rate;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.run();
  }

  /** Starts what may start, in order. */
  run(): void {
    clearTimeout(this.#timer);
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const waitMs = this.#take();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.run(), Math.min(waitMs, LONGEST_MS));
        return;
      }
      this.#waiting.shift();
      next.start(next.pending);
    }
  }

  clear(): Pending[] {
    clearTimeout(this.#timer);
    return this.#waiting.splice(0).map(({ pending }) => pending);
  }

  /** Takes a token, or tells how long there is none. */
  #take(): number {
    if (this.rate === 0) return 0;
    const now = performance.now();
    this.#tokens = Math.min(1, this.#tokens + (this.rate * (now - this.#atMs)) / 1000);
    this.#atMs = now;
    if (this.#tokens < FULL) return Math.ceil(((1 - this.#tokens) * 1000) / this.rate);
    this.#tokens = 0;
    return 0;
  }
}

const LONGEST_MS = 2 ** 31 - 1;

/** A token, but for what adding fractions loses. */
const FULL = 1 - 1e-9;

/**
 * Holds tasks back so that each kind starts no more often than its rate limit allows in this worker. What waits is in no slot
 * and holds up no other kind. `celery/worker/consumer/consumer.py _limit_task, _schedule_bucket_request`.
 */
export class RateLimits {
  readonly #disabled: boolean;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ disabled }: { readonly disabled: boolean }) {
    this.#disabled = disabled;
  }

  /** Control's `rate_limit`: `10/s`, `100/m`, `2/h`, a number a second; 0 and `null` are no limit. Throws `RangeError`. */
  set(task: string, rate: string | number | null): void {
    const perSecond = ratePerSecond(rate);
    const bucket = this.#buckets.get(task);
    if (bucket === undefined) {
      this.#buckets.set(task, new Bucket(perSecond));
    } else {
      bucket.rate = perSecond;
      bucket.run();
    }
  }

  /** Calls `start` when the task's rate allows: at once, where it has none. */
  admit(pending: Pending, start: (pending: Pending) => void): void {
    const bucket = this.#disabled ? undefined : this.#bucket(pending);
    if (bucket === undefined) start(pending);
    else bucket.add({ pending, start });
  }

  /** Forgets what waits, and returns it. */
  clear(): Pending[] {
    return [...this.#buckets.values()].flatMap((bucket) => bucket.clear());
  }

  /** Of a kind that has a limit, or was given one. */
  #bucket({ request, plan }: Pending): Bucket | undefined {
    const known = this.#buckets.get(request.task);
    if (known !== undefined || plan.startsPerSecond === 0) return known;
    const bucket = new Bucket(plan.startsPerSecond);
    this.#buckets.set(request.task, bucket);
    return bucket;
  }
}
