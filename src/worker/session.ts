import type { CeleryApp } from '../app/celery.ts';
import type { Logger } from '../base/logger.ts';
import type { Queue } from '../routing/queue.ts';
import type { Channel, Consumer, Delivery } from '../transport/transport.ts';
import type { Executor } from './executor.ts';
import type { Intake } from './intake.ts';
import { messageOf } from '../base/message-of.ts';
import { taskLog } from './log-lines.ts';
import type { Pending } from './pending.ts';
import { prefetchCount } from './qos.ts';
import { discardRevoked } from './discard.ts';
import type { RateLimits } from './rate-limits.ts';
import { settle } from './settle.ts';
import type { Scheduled, WorkerState } from './state.ts';
import { decide } from './strategy.ts';
import { WakeTimer } from './timer.ts';

/** What a session needs. */
export interface SessionOptions {
  readonly app: CeleryApp;
  readonly channel: Channel;
  readonly queues: readonly Queue[];
  /** Tasks at once, now. */
  readonly concurrency: () => number;
  readonly multiplier: number;
  readonly hostname: string;
  readonly logger: Logger;
  readonly intake: Intake;
  readonly executor: Executor;
  readonly state: WorkerState;
  readonly rateLimits: RateLimits;
  /** Messages held at most once some wait for their time. */
  readonly etaLimit: number;
  /** Takes no message that no slot is free for, on transports that fetch one by one. */
  readonly onlyForFreeSlots: boolean;
}

/**
 * One channel's worth of consuming: what it has delivered and what has not started yet. When the channel goes, so does
 * all that: the broker delivers it again.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #held: WakeTimer<Pending>;
  #ready: Pending[] = [];
  #next = 0;
  #consumer: Consumer | undefined;
  #prefetch: number;
  #adjusting = false;
  #state: 'open' | 'stopping' | 'gone' = 'open';
  #starting = false;
  /** Arrived while the broker was being told to send no more. */
  #tooLate: Delivery[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#prefetch = prefetchCount(options.concurrency(), options.multiplier, 0);
    this.#held = new WakeTimer(options.app.host, (pending) => {
      this.#adjustPrefetch();
      this.#decide(pending, this.#limit);
    });
  }

  /** Declares the queues and consumes them. Rejects as `Channel` does. */
  async start(): Promise<void> {
    const { channel, queues, logger, onlyForFreeSlots } = this.#options;
    for (const queue of queues) await channel.declareQueue(queue);
    this.#consumer = await channel.consume(queues, {
      prefetch: this.#prefetch,
      noAck: false,
      ...(onlyForFreeSlots ? { room: () => this.#freeSlots() } : {}),
      onDelivery: (delivery) => this.#receive(delivery),
      onCancelled: (queue) => {
        logger.warning(`consumer: the broker cancelled the consumer of ${queue}; declaring it again`);
        void channel.close();
      },
    });
    // Tasks that came meanwhile may wait for their time already.
    this.#adjustPrefetch();
  }

  /** Messages that may be unsettled at once; 0 is no limit. */
  get prefetch(): number {
    const { concurrency, multiplier, etaLimit } = this.#options;
    return prefetchCount(concurrency(), multiplier, this.#held.size, etaLimit);
  }

  /** Names of the queues that deliver now. */
  get consumed(): readonly string[] {
    return this.#state === 'open' ? (this.#consumer?.queues ?? []) : [];
  }

  /** Consumes one more queue. Rejects as `Channel.consume`. */
  async addQueue(queue: Queue): Promise<void> {
    await this.#consumer?.addQueue(queue);
  }

  /** Consumes a queue no longer. */
  async removeQueue(name: string): Promise<void> {
    await this.#consumer?.removeQueue(name);
  }

  /** The pool has another size. */
  resized(): void {
    this.#adjustPrefetch();
    this.startReady();
  }

  /** Starts what waits for a slot. */
  startReady(): void {
    // A task that ends at once frees its slot from within: the outer loop goes on.
    if (this.#starting) return;
    this.#starting = true;
    while (this.#state === 'open' && this.#next < this.#ready.length && this.#options.executor.hasRoom) {
      const pending = this.#ready[this.#next];
      this.#next += 1;
      if (pending !== undefined) this.#decide(pending, this.#run);
    }
    this.#starting = false;
    if (this.#options.onlyForFreeSlots) void this.#consumer?.setPrefetch(this.#prefetch);
    if (this.#next === this.#ready.length) {
      this.#ready = [];
      this.#next = 0;
    }
  }

  /** Received, waiting for a slot. */
  reserved(): readonly Pending[] {
    return this.#ready.slice(this.#next);
  }

  /** Received, waiting for their time. */
  scheduled(): readonly Scheduled[] {
    return this.#held.entries().map(({ at, item }) => ({ eta: at, pending: item }));
  }

  /** Takes nothing more, and gives back at once what has not started: others need not wait for what still runs here. */
  async cancel(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'stopping';
    const unstarted = this.#forget();
    // A message given back to a consumer that is still there would come again.
    await this.#consumer?.cancel().catch((error: unknown) => this.#options.logger.warning(`consumer: ${messageOf(error)}`));
    if (!this.#options.channel.isOpen) return;
    // Newest first: a store that puts each at the head ends up with the oldest in front.
    for (const delivery of [...unstarted, ...this.#tooLate].reverse())
      settle(delivery, { kind: 'reject', requeue: true }, this.#options.logger);
  }

  /** Cancels, and closes the channel. */
  async close(): Promise<void> {
    await this.cancel();
    await this.#options.channel.close();
  }

  /** Forgets what has not started, because its channel is gone. */
  abandon(): void {
    this.#state = 'gone';
    this.#forget();
  }

  #forget(): Delivery[] {
    const pendings = [...this.#held.clear(), ...this.#options.rateLimits.clear(), ...this.#ready.slice(this.#next)];
    this.#ready = [];
    this.#next = 0;
    for (const pending of pendings) this.#options.state.returned(pending);
    return pendings.map(({ delivery }) => delivery);
  }

  #freeSlots(): number {
    const { concurrency, state } = this.#options;
    return concurrency() - state.active.size - (this.#ready.length - this.#next);
  }

  #receive(delivery: Delivery): void {
    if (this.#state === 'stopping') this.#tooLate.push(delivery);
    if (this.#state !== 'open') return;
    const pending = this.#options.intake.read(delivery);
    if (pending === undefined) return;
    const { app, logger, state } = this.#options;
    taskLog.received(logger, pending.request);
    const revoked = state.revoked.reason(pending.request);
    if (revoked !== undefined) return this.#discard(pending, revoked);
    state.received(pending);
    if (app.signals.has('task_received')) app.signals.send('task_received', { request: pending.request });
    this.#decide(pending, this.#limit);
  }

  /** Its time has come, where it has one: its kind may still have to wait. */
  readonly #limit = (pending: Pending): void => this.#options.rateLimits.admit(pending, this.#admit);

  readonly #admit = (pending: Pending): void => {
    this.#ready.push(pending);
    this.startReady();
  };

  readonly #run = (pending: Pending): void => this.#options.executor.start(pending);

  /** At receipt, when a held task's time has come, and once more when it is to start. */
  #decide(pending: Pending, go: (pending: Pending) => void): void {
    const { app, state } = this.#options;
    const revoked = state.revoked.reason(pending.request);
    if (revoked !== undefined) return this.#discard(pending, revoked);
    const verdict = decide(pending.request, app.host.now());
    switch (verdict.kind) {
      case 'run':
        return go(pending);
      case 'hold':
        this.#held.add(verdict.until, pending);
        return this.#adjustPrefetch();
      case 'discard':
        return this.#discard(pending, 'expired');
    }
  }

  #discard(pending: Pending, reason: 'expired' | 'id' | 'stamp'): void {
    const { logger } = this.#options;
    if (reason === 'expired') taskLog.expired(logger, pending.request);
    else taskLog.revoked(logger, pending.request, reason === 'stamp');
    const why = { expired: reason === 'expired', terminated: false, signum: undefined };
    void discardRevoked(pending, why, this.#options).finally(() => settle(pending.delivery, { kind: 'ack' }, logger, pending.request.id));
  }

  /** Follows the number of held tasks, once a turn at most. */
  #adjustPrefetch(): void {
    if (this.#adjusting) return;
    this.#adjusting = true;
    setImmediate(() => {
      this.#adjusting = false;
      const { concurrency, multiplier, logger, etaLimit } = this.#options;
      const prefetch = prefetchCount(concurrency(), multiplier, this.#held.size, etaLimit);
      if (this.#consumer === undefined || this.#state !== 'open' || prefetch === this.#prefetch) return;
      this.#prefetch = prefetch;
      this.#consumer.setPrefetch(prefetch).catch((error: unknown) => logger.warning(`The prefetch could not be changed: ${String(error)}`));
    });
  }
}
