import { AppClosedError, BrokerBlockedError, ChannelError, ConnectionError, EncodeError, OperationalError } from '../base/errors.ts';
import type { Message } from '../message/message.ts';
import type { Route } from '../routing/queue.ts';
import type { Channel, Connection } from '../transport/transport.ts';
import type { BrokerLink } from './connection.ts';
import type { RetryPolicy } from './settings.ts';

/** One publish to be done. `encode` runs when there is room, so that waiting sends hold no bytes. */
export interface PublishJob {
  readonly encode: () => Message;
  readonly route: Route;
  readonly policy: RetryPolicy | undefined;
}

interface Entry {
  readonly job: PublishJob;
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  attempts: number;
}

/** Unconfirmed messages and bytes at once: enough to keep a broker busy, little enough to hold. */
const WINDOW_MESSAGES = 1000;
const WINDOW_BYTES = 16 * 1024 * 1024;

/** How long a blocked broker may refuse before waiting sends are given up. */
const BLOCKED_TIMEOUT_MS = 30_000;
const BLOCKED_CHECK_MS = 250;

/**
 * Sends messages in order over one channel, with a bounded window of unconfirmed ones. A message whose channel was lost
 * before its confirm is sent again, so it may arrive twice; it is never dropped in silence.
 */
export class Publisher {
  readonly #link: BrokerLink;
  #waiting: Entry[] = [];
  #head = 0;
  #sequence = 0;
  #inFlight = new Set<Entry>();
  #bytes = 0;
  #channel: Channel | undefined;
  #connection: Connection | undefined;
  #declared = new Set<string>();
  #busy = false;
  #closed = false;
  #drained: (() => void) | undefined;
  #blockedSince = 0;

  constructor(link: BrokerLink) {
    this.#link = link;
  }

  /**
   * Resolves when the broker has confirmed. Rejects with `EncodeError`, `ChannelError` (a missing exchange, a queue declared
   * otherwise), `MessageNackedError`, `BrokerBlockedError`, or `OperationalError` when the retry policy is used up.
   */
  publish(job: PublishJob): Promise<void> {
    if (this.#closed) return Promise.reject(new AppClosedError('the app is closed'));
    return new Promise((resolve, reject) => {
      this.#sequence += 1;
      this.#waiting.push({ job, sequence: this.#sequence, resolve, reject, attempts: 0 });
      this.#pump();
    });
  }

  /** Waits for what was sent, `graceMs` at most, then gives up the rest. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    if (this.#count() > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rejectAll(new AppClosedError('the app was closed before the broker confirmed'));
    await this.#channel?.close();
  }

  #count(): number {
    return this.#waiting.length - this.#head + this.#inFlight.size;
  }

  /** Sends while there is room; stops while a channel opens or a queue is declared, so that order is kept. */
  #pump(): void {
    while (!this.#busy && this.#head < this.#waiting.length && this.#inFlight.size < WINDOW_MESSAGES && this.#bytes < WINDOW_BYTES) {
      const entry = this.#waiting[this.#head];
      if (entry === undefined) return;
      const channel = this.#channel;
      if (channel?.isOpen !== true) return this.#prepare(() => this.#open(), entry);
      if (this.#connection?.isBlocked === true) return this.#waitUnblocked();
      const { queue } = entry.job.route;
      if (queue !== undefined && !this.#declared.has(queue.name)) {
        return this.#prepare(async () => {
          await channel.declareQueue(queue);
          this.#declared.add(queue.name);
        }, entry);
      }
      this.#shift();
      this.#dispatch(channel, entry);
    }
  }

  #shift(): void {
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }

  #dispatch(channel: Channel, entry: Entry): void {
    let message: Message;
    try {
      message = entry.job.encode();
    } catch (error) {
      entry.reject(error instanceof Error ? error : new EncodeError(String(error)));
      return this.#noteDrained();
    }
    const size = message.body.length;
    this.#inFlight.add(entry);
    this.#bytes += size;
    channel.publish(message, entry.job.route.address).then(
      () => {
        this.#landed(entry, size);
        entry.resolve();
        this.#pump();
      },
      (error: unknown) => {
        this.#landed(entry, size);
        this.#failed(entry, error, channel);
      },
    );
  }

  #landed(entry: Entry, size: number): void {
    this.#inFlight.delete(entry);
    this.#bytes -= size;
    this.#noteDrained();
  }

  #failed(entry: Entry, error: unknown, channel: Channel): void {
    const lost = error instanceof ConnectionError || (error instanceof ChannelError && !channel.isOpen);
    if (!lost) {
      entry.reject(error as Error);
      return this.#pump();
    }
    this.#retry(entry, error as Error);
  }

  /** Puts an entry back in its place, unless its policy is used up. */
  #retry(entry: Entry, error: Error): void {
    const { policy } = entry.job;
    entry.attempts += 1;
    if (policy === undefined || (policy.max_retries !== null && entry.attempts > policy.max_retries)) {
      entry.reject(new OperationalError(`could not publish: ${error.message}`, { cause: error }));
      return this.#pump();
    }
    const rest = this.#waiting.slice(this.#head);
    const at = rest.findIndex((other) => other.sequence > entry.sequence);
    rest.splice(at < 0 ? rest.length : at, 0, entry);
    this.#waiting = rest;
    this.#head = 0;
    this.#pauseFor(policy, entry.attempts);
  }

  #pauseFor(policy: RetryPolicy, attempts: number): void {
    if (this.#busy) return;
    const seconds = Math.min(policy.interval_start + policy.interval_step * (attempts - 1), policy.interval_max);
    this.#busy = true;
    setTimeout(() => {
      this.#busy = false;
      this.#pump();
    }, seconds * 1000);
  }

  /** Something every later message waits for: a channel, or a queue. */
  #prepare(step: () => Promise<void>, entry: Entry): void {
    this.#busy = true;
    step().then(
      () => {
        this.#busy = false;
        this.#pump();
      },
      (error: unknown) => {
        this.#busy = false;
        this.#shift();
        const failure = error instanceof Error ? error : new Error(String(error));
        // A queue that exists with other arguments stays so however often it is tried.
        if (failure instanceof ConnectionError) this.#retry(entry, failure);
        else {
          entry.reject(failure);
          this.#pump();
        }
        this.#noteDrained();
      },
    );
  }

  async #open(): Promise<void> {
    this.#connection = await this.#link.open();
    this.#channel = await this.#connection.openChannel();
    this.#declared = new Set();
  }

  #waitUnblocked(): void {
    this.#busy = true;
    if (this.#blockedSince === 0) this.#blockedSince = performance.now();
    setTimeout(() => {
      this.#busy = false;
      if (this.#connection?.isBlocked !== true) this.#blockedSince = 0;
      else if (performance.now() - this.#blockedSince > BLOCKED_TIMEOUT_MS) {
        this.#blockedSince = 0;
        this.#rejectAll(new BrokerBlockedError(`the broker has taken nothing for ${BLOCKED_TIMEOUT_MS / 1000} s (connection.blocked)`));
      }
      this.#pump();
    }, BLOCKED_CHECK_MS);
  }

  #rejectAll(error: Error): void {
    const entries = [...this.#inFlight, ...this.#waiting.slice(this.#head)];
    this.#waiting = [];
    this.#head = 0;
    for (const entry of entries) entry.reject(error);
  }

  #noteDrained(): void {
    if (this.#drained !== undefined && this.#count() === 0) this.#drained();
  }
}
