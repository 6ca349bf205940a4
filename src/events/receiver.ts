import type { Host } from '../base/host.ts';
import type { LamportClock } from '../base/lamport.ts';
import type { Logger } from '../base/logger.ts';
import { decodeMessage } from '../message/decode.ts';
import type { DecodeOptions } from '../message/decode.ts';
import type { Queue } from '../routing/queue.ts';
import type { Channel, Delivery } from '../transport/transport.ts';
import { eventExchange } from './exchange.ts';
import type { EventLink } from './outlet.ts';
import { readEvents } from './read.ts';
import type { ReceivedEvent } from './read.ts';
import { messageOf } from '../base/message-of.ts';

/** A receiver's queue, as the settings `event_queue_…` have it; times in seconds. */
export interface EventQueueOptions {
  readonly prefix: string;
  readonly ttl: number | null;
  readonly expires: number | null;
  readonly exclusive: boolean;
  readonly durable: boolean;
}

/** What a receiver needs. */
export interface ReceiverOptions {
  readonly link: EventLink;
  readonly exchange: string;
  readonly queue: EventQueueOptions;
  /** Which events come: a topic pattern on AMQP. Batches have keys of their own, such as `task.multi`: `task.#` hears both. */
  readonly routingKey?: string;
  readonly decoding: DecodeOptions;
  readonly host: Host;
  readonly clock: LamportClock;
  readonly logger: Logger;
}

/** Between a lost connection and the next. */
const REOPEN_MS = 1000;

/** Events kept for a reader that is slower than they come; then it misses some. */
const CAPACITY = 10_000;

/**
 * Hears the events of a cluster: `receiver.on('task-failed', …)` or `on('*', …)`, or `for await (const event of receiver)` for
 * those that come while it runs.
 * A connection that is lost is opened again. What a stranger sends ends up as a count in `malformed`, never as an error.
 * `celery/events/receiver.py EventReceiver`.
 */
export class EventReceiver implements AsyncIterable<ReceivedEvent>, AsyncDisposable {
  readonly #options: ReceiverOptions;
  readonly #listeners = new Map<string, Set<(event: ReceivedEvent) => void>>();
  readonly #nodeId: string;
  #malformed = 0;
  #dropped = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #ends = new Set<() => void>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#nodeId = options.host.uuid();
  }

  /** Messages that could not be read. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Events that a slow reader has missed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Listens to one type of event, or with `*` to all. Returns how to stop. */
  on(type: string, listener: (event: ReceivedEvent) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Resolves when events come in. Rejects as `Channel.declareQueue` does. */
  async start(): Promise<void> {
    const { link, exchange, queue, routingKey = '#' } = this.#options;
    const connection = await link.open();
    const channel = await connection.openChannel();
    const declared: Queue = {
      name: `${queue.prefix}.${this.#nodeId}`,
      exchange: eventExchange(exchange, connection.kind.driverType),
      routingKey,
      durable: queue.durable,
      autoDelete: !queue.durable,
      exclusive: queue.exclusive,
      arguments: { ...milliseconds('x-message-ttl', queue.ttl), ...milliseconds('x-expires', queue.expires) },
    };
    await channel.declareQueue(declared);
    await channel.consume([declared], {
      prefetch: 0,
      noAck: true,
      onDelivery: (delivery) => this.#receive(delivery),
      onCancelled: () => void channel.close(),
    });
    void channel.closed.then(() => this.#again(channel));
  }

  /** Stops, and ends every iteration. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
    await this.#options.link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedEvent, void> {
    let waiting: ReceivedEvent[] = [];
    let wake: (() => void) | undefined;
    const end = (): void => wake?.();
    this.#ends.add(end);
    const off = this.on('*', (event) => {
      if (waiting.length < CAPACITY) waiting.push(event);
      else this.#dropped += 1;
      wake?.();
    });
    try {
      while (!this.#closed) {
        const batch = waiting;
        waiting = [];
        yield* batch;
        if (waiting.length === 0 && !this.#closed) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      off();
      this.#ends.delete(end);
    }
  }

  #receive({ message }: Delivery): void {
    const { clock, host, decoding } = this.#options;
    let body: unknown;
    try {
      body = decodeMessage(message, decoding);
    } catch {
      this.#malformed += 1;
      return;
    }
    const events = readEvents(body, message.headers['hostname'], { clock, nowMs: host.now() });
    const sent = Array.isArray(body) ? body.length : 1;
    this.#malformed += sent - events.length;
    for (const event of events) this.#tell(event);
  }

  #tell(event: ReceivedEvent): void {
    for (const type of [event.type, '*']) {
      for (const listener of this.#listeners.get(type) ?? []) {
        try {
          listener(event);
        } catch (error) {
          this.#options.logger.error(`events: a listener failed: ${messageOf(error)}`);
        }
      }
    }
  }

  #again(channel: Channel | undefined): void {
    if (this.#closed) return;
    if (channel !== undefined) this.#options.logger.warning('events: the broker is lost; connecting again');
    this.#timer = setTimeout(() => {
      this.start().catch(() => this.#again(undefined));
    }, REOPEN_MS);
  }
}

function milliseconds(name: string, seconds: number | null): Readonly<Record<string, number>> {
  return seconds === null ? {} : { [name]: Math.round(seconds * 1000) };
}
