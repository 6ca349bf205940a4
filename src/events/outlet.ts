import { ConnectionError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { encodeMessage } from '../message/encode.ts';
import type { Message } from '../message/message.ts';
import type { Serializer } from '../message/serializer.ts';
import type { Channel, Connection } from '../transport/transport.ts';
import type { EventBuffer, Parcel } from './buffer.ts';
import { eventExchange } from './exchange.ts';
import { messageOf } from '../base/message-of.ts';

/** A way to the broker that can be opened again. */
export interface EventLink {
  open(): Promise<Connection>;
  close(): Promise<void>;
}

/** What an outlet needs. */
export interface OutletOptions {
  readonly link: EventLink;
  readonly exchange: string;
  readonly serializer: Serializer;
  readonly logger: Logger;
  readonly buffer: EventBuffer;
}

/** Celery's `buffer_limit`. */
const BATCH = 24;

/** Messages the broker has not confirmed: with more under way, a slow broker is one that is away. */
const WINDOW = 64;

/** Between two messages that are not full: each is a write, a confirm and work of the broker's, however little it carries. */
const PAUSE_MS = 20;

/** Between attempts to reach the broker. */
const RETRY_MS = 200;
const RETRY_MAX_MS = 10_000;

/** Takes events out of a buffer and to the broker, over a connection of its own that is opened when needed. */
export class EventOutlet {
  readonly #options: OutletOptions;
  /** In the order they were sent. */
  readonly #inFlight = new Set<Parcel>();
  #channel: Channel | undefined;
  /** Whether the channel has carried anything: one that is closed before it has is no better than none. */
  #hasCarried = false;
  #lostReason: unknown;
  #awake = false;
  #opening = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #sentMs = 0;
  #hurried = false;
  #drained: (() => void) | undefined;
  #closed: Promise<void> | undefined;
  #over = false;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** There is something to send: it goes out with all that comes in this turn of the event loop, or `soon` after the last. */
  wake({ soon = false }: { readonly soon?: boolean } = {}): void {
    this.#hurried ||= !soon;
    if (this.#awake || this.#over) return;
    this.#awake = true;
    setImmediate(() => {
      this.#awake = false;
      this.#pump();
    });
  }

  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    if (this.#waiting > 0) {
      // There is no time left to be patient with the broker.
      clearTimeout(this.#retry);
      this.#retry = undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, graceMs);
      this.#drained = resolve;
      this.#pump();
      await promise;
      clearTimeout(timer);
    }
    this.#over = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#pause);
    await this.#options.link.close();
  }

  get #waiting(): number {
    return this.#options.buffer.size + this.#inFlight.size;
  }

  #pump(): void {
    const { buffer } = this.#options;
    while (!this.#over && this.#waiting > 0) {
      // What was under way on a lost channel waits to be sent again.
      if (this.#channel?.isOpen !== true) return this.#open();
      if (buffer.size === 0) this.#hurried = false;
      if (!this.#isTime(buffer.size)) return;
      const parcel = buffer.take(BATCH);
      if (parcel !== undefined) this.#send(this.#channel, parcel);
    }
    if (this.#waiting === 0) this.#drained?.();
  }

  /** What would not fill a message waits for a moment after the last: a busy worker sends few messages that way, an idle one at once. */
  #isTime(waiting: number): boolean {
    if (waiting === 0 || this.#inFlight.size >= WINDOW) return false;
    if (waiting >= BATCH || this.#hurried || this.#drained !== undefined) return true;
    const rest = this.#sentMs + PAUSE_MS - performance.now();
    if (rest <= 0) return true;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, rest).unref();
    return false;
  }

  #send(channel: Channel, parcel: Parcel): void {
    const message = this.#encode(parcel);
    if (message === undefined) return;
    this.#inFlight.add(parcel);
    this.#sentMs = performance.now();
    channel.publish(message, { exchange: this.#options.exchange, routingKey: parcel.routingKey }).then(
      () => {
        this.#inFlight.delete(parcel);
        this.#carried();
        this.#pump();
      },
      (error: unknown) => {
        // With the channel go all that were under way; they are put back when it is found closed.
        if (!channel.isOpen) this.#lostReason = error;
        else if (this.#inFlight.delete(parcel)) this.#options.buffer.discard(parcel.events.length);
        this.#pump();
      },
    );
  }

  #carried(): void {
    this.#hasCarried = true;
    if (this.#failures === 0) return;
    this.#failures = 0;
    const { logger, buffer } = this.#options;
    logger.info(`events: sent again; ${buffer.size} wait, ${buffer.dropped} were dropped so far`);
  }

  #encode({ events, batch, hostname }: Parcel): Message | undefined {
    const { serializer, buffer, logger } = this.#options;
    try {
      const body = batch ? events : events[0];
      return encodeMessage(body, { serializer, compressor: undefined, headers: { hostname }, properties: { deliveryMode: 1 } });
    } catch (error) {
      buffer.discard(events.length);
      logger.error(`${events.length} events cannot be sent: ${messageOf(error)}`);
      return undefined;
    }
  }

  #open(): void {
    if (this.#opening || this.#retry !== undefined) return;
    this.#options.buffer.putBack([...this.#inFlight].flatMap(({ events }) => events));
    this.#inFlight.clear();
    const closedAtOnce = this.#channel !== undefined && !this.#hasCarried;
    this.#channel = undefined;
    if (closedAtOnce) return this.#later(this.#lostReason);
    this.#opening = true;
    this.#connect().then(
      () => {
        this.#opening = false;
        this.#pump();
      },
      (error: unknown) => {
        this.#opening = false;
        this.#later(error);
      },
    );
  }

  async #connect(): Promise<void> {
    const { link, exchange } = this.#options;
    const connection = await link.open();
    const channel = await connection.openChannel();
    await channel.declareExchange(eventExchange(exchange, connection.kind.driverType));
    this.#hasCarried = false;
    // It may be found closed before it has said why.
    this.#lostReason = new ConnectionError('the channel is closed');
    this.#channel = channel;
    void channel.closed.then((reason) => {
      this.#lostReason = reason ?? this.#lostReason;
      this.wake();
    });
  }

  #later(error: unknown): void {
    if (this.#over) return;
    if (this.#failures === 0) this.#options.logger.warning(`events: kept until the broker is back: ${messageOf(error)}`);
    const waitMs = Math.min(RETRY_MS * 2 ** this.#failures, RETRY_MAX_MS) * (0.5 + Math.random());
    this.#failures += 1;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#pump();
    }, waitMs).unref();
  }
}
