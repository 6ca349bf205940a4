import type { BrokerUrl } from '../base/broker-url.ts';
import type { Host } from '../base/host.ts';
import type { Logger } from '../base/logger.ts';
import type { Message } from '../message/message.ts';
import type { Address, Exchange, Queue } from '../routing/queue.ts';

/** A broker family. */
export interface Transport {
  /** kombu's driver type: `amqp`, `filesystem`, `memory`, … */
  readonly driverType: string;
  readonly supports: { readonly priority: boolean; readonly fanout: boolean; readonly heartbeat: boolean };
  /** Opens one connection to one URL; no retry here. Rejects with `ConnectionError`, whose text has no password. */
  connect(url: BrokerUrl, options: TransportOptions): Promise<Connection>;
}

/** What every transport needs from outside, already in milliseconds. */
export interface TransportOptions {
  readonly host: Host;
  readonly logger: Logger;
  readonly connectTimeoutMs: number;
  /** 0 switches heartbeats off. */
  readonly heartbeatMs: number;
  /** Largest message body read from a peer, in bytes. */
  readonly maxBodyBytes: number;
  /** Celery's `broker_transport_options`, untouched. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
}

/** One live connection. It never reconnects by itself: its owner opens another. */
export interface Connection {
  /** What the broker at the other end can do. */
  readonly kind: Pick<Transport, 'driverType' | 'supports'>;
  openChannel(): Promise<Channel>;
  /** Resolves once, when the connection is gone: with the reason, or with `undefined` after `close()`. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  readonly isOpen: boolean;
  /** True while the broker refuses to take messages (`connection.blocked`). */
  readonly isBlocked: boolean;
  close(): Promise<void>;
}

/** A channel. After an error every pending and later call rejects with `ChannelError` or `ConnectionError`. */
export interface Channel {
  /** Declares an exchange. Idempotent; errors as of `declareQueue`. What is published on this channel follows its type from now on. */
  declareExchange(exchange: Exchange): Promise<void>;
  /**
   * Declares exchange, queue and binding. Idempotent. Rejects with `ChannelError` (406) on a mismatch, or (405) while another
   * connection holds an exclusive queue of that name; the channel is then dead. A queue with `autoDelete` goes with the last of
   * its consumers; brokers without exchanges know no exclusive queues and delete it when the channel that consumed it closes.
   */
  declareQueue(queue: Queue): Promise<void>;
  /**
   * Resolves once the broker has taken the message (a publisher confirm on AMQP). Order of calls is order on the wire.
   * Rejects with `ChannelError`, `ConnectionError`, `MessageNackedError` or `EncodeError`. The caller bounds how many are in flight.
   */
  publish(message: Message, to: Address): Promise<void>;
  /** Starts one consumer on several queues. At most one a channel. Never more than `prefetch` unsettled deliveries, of each queue where consumers share none; 0 is unlimited. */
  consume(queues: readonly Queue[], options: ConsumeOptions): Promise<Consumer>;
  /** Number of messages waiting. */
  size(queue: string): Promise<number>;
  /** How many messages wait, and how many consume them where the broker knows. Rejects like `size`. */
  counts(queue: string): Promise<QueueCounts>;
  /** Returns how many messages went. */
  purge(queue: string): Promise<number>;
  /** Takes the next message without a consumer, or `undefined`. */
  get(queue: string): Promise<Delivery | undefined>;
  /**
   * Shows the next message and leaves it at the head of its queue; `undefined` when there is none. AMQP can only take it and
   * give it back: it is marked redelivered, and a quorum queue counts a delivery. Rejects like `size`.
   */
  peek(queue: string): Promise<Peeked | undefined>;
  deleteQueue(queue: string): Promise<void>;
  /** Resolves once, when the channel is gone: with the reason, or with `undefined` after `close()`. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  readonly isOpen: boolean;
  close(): Promise<void>;
}

/** What a broker tells of a queue (`queue.declare-ok` of AMQP). */
export interface QueueCounts {
  readonly messages: number;
  /** `undefined` on brokers that know no consumers: files and memory. */
  readonly consumers: number | undefined;
}

export interface ConsumeOptions {
  readonly prefetch: number;
  /** Deliveries come settled: the broker forgets each when it hands it out, and `prefetch` bounds nothing. */
  readonly noAck: boolean;
  /** How many more are of use now; transports that are pushed messages have the prefetch alone. `setPrefetch` makes it count anew. */
  readonly room?: () => number;
  /** Called for each delivery, in order, on the consumer's own turn. It must not throw. */
  readonly onDelivery: (delivery: Delivery) => void;
  /** The broker cancelled the consumer (the queue was deleted). */
  readonly onCancelled: (queue: string) => void;
}

/** A message that stays where it is: as AMQP parts, or as the payload that a broker without exchanges stores, readable or not. */
export type Peeked = { readonly message: Message; readonly info: DeliveryInfo } | { readonly payload: string };

/** A running consumer. */
export interface Consumer {
  /** Names of the queues that deliver now: not one that the broker has cancelled, none while they cannot be read. */
  readonly queues: readonly string[];
  /**
   * Changes the ceiling of unsettled deliveries while running; of calls made at once the last counts. Where consumers keep the
   * prefetch they started with (quorum queues, RabbitMQ 4) it is one for each queue, and may be up to half more.
   */
  setPrefetch(prefetch: number): Promise<void>;
  /** Consumes one more queue, under the same prefetch; it must have been declared. Rejects as `Channel.consume`. */
  addQueue(queue: Queue): Promise<void>;
  /** Consumes a queue no longer. What it has delivered may still be settled. */
  removeQueue(name: string): Promise<void>;
  /** Stops new deliveries. Those already handed out may still be settled. */
  cancel(): Promise<void>;
}

/** Where a delivery came from. */
export interface DeliveryInfo {
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly priority: number | undefined;
}

/** A message on loan from the broker. Settle it once; twice throws `MessageStateError`. */
export interface Delivery {
  readonly message: Message;
  readonly info: DeliveryInfo;
  /** The queue it was consumed from, where the transport knows it. */
  readonly queue: string;
  readonly settled: boolean;
  /**
   * Done. Resolves when the broker has been told; rejects with `ChannelError`/`ConnectionError` when the channel it came on
   * is gone (the broker then delivers the message again).
   */
  ack(): Promise<void>;
  /** `requeue: false` dead-letters or drops it; `requeue: true` puts it back. Same errors as `ack`. */
  reject(options: { readonly requeue: boolean }): Promise<void>;
}
