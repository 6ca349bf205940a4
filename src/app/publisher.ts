import { AppClosedError, BrokerBlockedError, ChannelError, ConnectionError, EncodeError, OperationalError } from '../base/errors.ts';
import type { Message } from '../message/message.ts';
import type { Queue, Route } from '../routing/queue.ts';
import type { Channel, Connection } from '../transport/transport.ts';
import type { BrokerLink } from './connection.ts';
import { SendQueue } from './send-queue.ts';
import type { Entry } from './send-queue.ts';
import type { RetryPolicy } from './settings.ts';

/** One publish to be done. */
export interface PublishJob<T = unknown> {
  readonly route: Route;
  readonly policy: RetryPolicy | undefined;
  /** What must be there before the message goes out, or `undefined` when it is. Later messages wait too, so that order is kept. */
  before(): Promise<void> | undefined;
  /** Runs when there is room, so that waiting sends hold no bytes. Throws `EncodeError`. */
  encode(): Message;
  /** What the send resolves to once the broker has confirmed. */
  confirmed(): T;
}

/** Unconfirmed messages and bytes at once: enough to keep a broker busy, little enough to hold. */
const WINDOW_MESSAGES = 1000;
const WINDOW_BYTES = 16 * 1024 * 1024;

/** How long a blocked broker may refuse before waiting sends are given up. */
const BLOCKED_TIMEOUT_MS = 30_000;
const BLOCKED_CHECK_MS = 250;

/**
 * Sends messages in order over one channel, with a bounded window of unconfirmed ones. A message whose channel was lost
 * before its confirm is sent again, so it may arrive twice; it is never dropped in silence. Queues are declared once a
 * connection, as Celery's producers do: a queue deleted behind our back swallows what is sent to it until the next connection.
 */
export class Publisher {
  readonly #link: BrokerLink;
  readonly #blockedTimeoutMs: number;
  readonly #queue = new SendQueue();
  #channel: Channel | undefined;
  /** Declares queues, so that a refused declaration takes no message with it. */
  #declarer: Channel | undefined;
  #connection: Connection | undefined;
  #declared = new Set<string>();
  #busy = false;
  #closed = false;
  #drained: (() => void) | undefined;
  #blockedSince = 0;
  #watch: NodeJS.Timeout | undefined;

  constructor(link: BrokerLink, options: { readonly blockedTimeoutMs?: number } = {}) {
    this.#link = link;
    this.#blockedTimeoutMs = options.blockedTimeoutMs ?? BLOCKED_TIMEOUT_MS;
  }

  /**
   * Resolves when the broker has confirmed. Rejects with `EncodeError`, `ChannelError` (a missing exchange, a queue declared
   * otherwise), `MessageNackedError`, `BrokerBlockedError`, or `OperationalError` when the retry policy is used up.
   */
  publish<T>(job: PublishJob<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new AppClosedError('the app is closed'));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push(job, resolve as (value: unknown) => void, reject);
      this.#pump();
    });
  }

  /** Waits for what was sent, `graceMs` at most, then gives up the rest. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    if (this.#queue.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearInterval(this.#watch);
    this.#queue.rejectAll(new AppClosedError('the app was closed before the broker confirmed'));
  }

  /** Sends while there is room; stops while something is prepared, so that order is kept. */
  #pump(): void {
    while (!this.#busy) {
      const entry = this.#queue.next;
      if (entry === undefined || !this.#hasRoom(entry)) break;
      const channel = this.#channel;
      if (channel?.isOpen !== true) return this.#open();
      if (this.#connection?.isBlocked === true) break;
      const before = entry.job.before();
      if (before !== undefined) return this.#prepare(() => before, entry);
      const { queue } = entry.job.route;
      if (queue !== undefined && !this.#declared.has(queue.name)) return this.#prepare(() => this.#declare(queue), entry);
      this.#dispatch(channel, entry);
    }
    if (this.#queue.size > 0) this.#watchBroker();
    else this.#drained?.();
  }

  /** A message that was under way when the broker closed the channel goes alone, to find out which one it was. */
  #hasRoom({ suspect }: Entry): boolean {
    const { inFlight, bytesInFlight } = this.#queue;
    if (suspect || this.#queue.suspectInFlight) return inFlight === 0;
    return inFlight < WINDOW_MESSAGES && bytesInFlight < WINDOW_BYTES;
  }

  #dispatch(channel: Channel, entry: Entry): void {
    let message: Message;
    try {
      message = entry.job.encode();
    } catch (error) {
      return this.#queue.drop(entry, error instanceof Error ? error : new EncodeError(String(error)));
    }
    this.#queue.sent(entry, message.body.length);
    channel.publish(message, entry.job.route.address).then(
      () => {
        this.#queue.landed(entry);
        entry.resolve(entry.job.confirmed());
        this.#pump();
      },
      (error: Error) => this.#failed(entry, error, channel),
    );
  }

  #failed(entry: Entry, error: Error, channel: Channel): void {
    if (!this.#queue.landed(entry)) return;
    const closedByBroker = error instanceof ChannelError && !channel.isOpen;
    if (closedByBroker && !entry.suspect) {
      // The broker closes a channel for one message and takes all the others with it.
      entry.suspect = true;
      this.#queue.again(entry);
    } else if (error instanceof ConnectionError) {
      if (this.#queue.attempt(entry, error)) this.#queue.again(entry);
    } else {
      entry.reject(error);
    }
    this.#pump();
  }

  /** Opens connection and channel. A failed attempt counts for everyone who waits. */
  #open(): void {
    this.#busy = true;
    this.#openChannel().then(
      () => this.#resume(),
      (error: unknown) => {
        if (!(error instanceof ConnectionError)) this.#queue.rejectAll(asError(error));
        else this.#queue.attemptAll(error);
        this.#pause();
      },
    );
  }

  async #openChannel(): Promise<void> {
    this.#connection = await this.#link.open();
    this.#channel = await this.#connection.openChannel();
    this.#declarer = undefined;
    this.#declared = new Set();
  }

  async #declare(queue: Queue): Promise<void> {
    if (this.#declarer?.isOpen !== true) this.#declarer = await this.#connection?.openChannel();
    await this.#declarer?.declareQueue(queue);
    this.#declared.add(queue.name);
  }

  /** Something that a message and every later one wait for. When it cannot be had, that message alone fails. */
  #prepare(step: () => Promise<void>, entry: Entry): void {
    this.#busy = true;
    step().then(
      () => this.#resume(),
      (error: unknown) => {
        if (this.#queue.next !== entry) return this.#resume();
        // A queue that exists with other arguments stays so however often it is tried.
        if (!(error instanceof ConnectionError)) this.#queue.drop(entry, asError(error));
        else if (!this.#queue.attempt(entry, error)) this.#queue.drop(entry, error);
        this.#pause();
      },
    );
  }

  #pause(): void {
    const waitMs = this.#queue.pauseMs();
    if (waitMs > 0) setTimeout(() => this.#resume(), waitMs);
    else this.#resume();
  }

  #resume(): void {
    this.#busy = false;
    this.#pump();
  }

  /** While anything is unsent or unconfirmed, looks whether the broker takes messages. */
  #watchBroker(): void {
    this.#watch ??= setInterval(() => {
      if (this.#queue.size === 0) {
        clearInterval(this.#watch);
        this.#watch = undefined;
      } else if (this.#connection?.isBlocked !== true) {
        this.#blockedSince = 0;
        this.#pump();
      } else {
        this.#giveUpBlocked();
      }
    }, BLOCKED_CHECK_MS).unref();
  }

  #giveUpBlocked(): void {
    if (this.#blockedSince === 0) this.#blockedSince = performance.now();
    if (performance.now() - this.#blockedSince < this.#blockedTimeoutMs) return;
    this.#blockedSince = 0;
    const seconds = this.#blockedTimeoutMs / 1000;
    this.#queue.rejectAll(new BrokerBlockedError(`the broker has taken nothing for ${seconds} s (connection.blocked)`));
    this.#drained?.();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new OperationalError(String(error));
}
