import type { Step } from './steps.ts';
import type { Worker } from './worker.ts';

/** Children at most and at least. */
export interface AutoscaleRange {
  readonly max: number;
  readonly min: number;
}

/** Seconds without a task or growth before children go; `AUTOSCALE_KEEPALIVE` in the environment. */
const KEEPALIVE_S = 30;

const LOOK_MS = 1000;

/** Follows the number of tasks in hand with the size of the pool. `celery/worker/autoscale.py Autoscaler`. */
export class Autoscaler implements Step<Worker> {
  readonly name = 'autoscaler';
  readonly #keepaliveMs: number;
  #range: AutoscaleRange;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopObserving: (() => void) | undefined;
  #looking = false;
  #lastActiveMs = -Infinity;

  /** Throws `RangeError` unless the range has whole numbers, `max` at least 1 and no less than `min`. A pool keeps one child. */
  constructor({ max, min }: AutoscaleRange, keepaliveS: number = Number(process.env['AUTOSCALE_KEEPALIVE'] || KEEPALIVE_S)) {
    if (!Number.isInteger(max) || !Number.isInteger(min) || min < 0 || max < Math.max(min, 1))
      throw new RangeError('autoscale takes max and min: whole numbers, max 1 or more and not below min');
    this.#range = { max, min: Math.max(min, 1) };
    this.#keepaliveMs = keepaliveS * 1000;
  }

  get range(): AutoscaleRange {
    return this.#range;
  }

  start(worker: Worker): void {
    this.#worker = worker;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#stopObserving = worker.state.observe({ received: () => this.#received() });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopObserving?.();
    this.#worker = undefined;
  }

  /** Control's `autoscale`: another range, in force at once. Throws `RangeError` as the constructor does. */
  update(range: Partial<AutoscaleRange>): AutoscaleRange {
    this.#range = new Autoscaler({ ...this.#range, ...range }).range;
    this.#worker?.refreshPrefetch();
    this.#resize(Math.min(Math.max(this.#worker?.concurrency ?? 0, this.#range.min), this.#range.max));
    return this.#range;
  }

  /** What `inspect stats` shows as `autoscaler`. */
  info(): Readonly<Record<string, number>> {
    return { ...this.#range, current: this.#worker?.concurrency ?? 0, qty: this.#inHand() };
  }

  #received(): void {
    this.#lastActiveMs = performance.now();
    if (this.#looking) return;
    // The task is counted once its receipt is done.
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      this.#look();
    });
  }

  #inHand(): number {
    const state = this.#worker?.state;
    return state === undefined ? 0 : state.active.size + state.reserved().length;
  }

  #look(): void {
    if (this.#worker === undefined) return;
    const { max, min } = this.#range;
    const { concurrency, logger } = this.#worker;
    const wanted = Math.min(Math.max(this.#inHand(), min), max);
    if (wanted > concurrency) {
      logger.info(`Scaling up ${wanted - concurrency} processes.`);
      this.#lastActiveMs = performance.now();
      this.#resize(wanted);
    } else if (wanted < concurrency && performance.now() - this.#lastActiveMs > this.#keepaliveMs) {
      logger.info(`Scaling down ${concurrency - wanted} processes.`);
      this.#resize(wanted);
    }
  }

  #resize(size: number): void {
    const worker = this.#worker;
    if (worker === undefined || size === worker.concurrency) return;
    worker.resize(size).catch((error: unknown) => worker.logger.error(`Autoscaler: ${String(error)}`));
  }
}
