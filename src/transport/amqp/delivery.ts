import { MessageStateError } from '../../base/errors.ts';
import type { ConfirmChannel, ConsumeMessage } from '../../driver/amqp.ts';
import type { Message } from '../../message/message.ts';
import type { Delivery, DeliveryInfo } from '../transport.ts';
import type { AmqpChannel } from './channel.ts';

const SETTLED = Promise.resolve();

/** A message of amqplib's. What `basic.get` gives lacks a consumer tag; nothing here needs it. */
export type Received = Pick<ConsumeMessage, 'content' | 'properties'> & {
  readonly fields: { readonly deliveryTag: number; readonly redelivered: boolean; readonly exchange: string; readonly routingKey: string };
};

/** A delivery of amqplib. Settling writes at once: AMQP has no answer to an ack. */
export class AmqpDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly #received: Received;
  readonly #channel: ConfirmChannel;
  readonly #owner: AmqpChannel;
  readonly #onSettled: (() => void) | undefined;
  #settled: boolean;

  constructor(
    received: Received,
    channel: ConfirmChannel,
    owner: AmqpChannel,
    { queue, settled, onSettled }: { readonly queue: string; readonly settled: boolean; readonly onSettled?: (() => void) | undefined },
  ) {
    const { content, properties } = received;
    this.message = {
      body: content,
      contentType: properties.contentType as string | undefined,
      contentEncoding: properties.contentEncoding as string | undefined,
      headers: properties.headers ?? {},
      properties: properties as Message['properties'],
    };
    this.queue = queue;
    this.#settled = settled;
    this.#onSettled = onSettled;
    this.#received = received;
    this.#channel = channel;
    this.#owner = owner;
  }

  get info(): DeliveryInfo {
    const { exchange, routingKey, redelivered } = this.#received.fields;
    return { exchange, routingKey, redelivered, priority: this.#received.properties.priority as number | undefined };
  }

  get settled(): boolean {
    return this.#settled;
  }

  ack(): Promise<void> {
    return this.#settle(() => this.#channel.ack(this.#received as ConsumeMessage));
  }

  reject({ requeue }: { readonly requeue: boolean }): Promise<void> {
    return this.#settle(() => this.#channel.reject(this.#received as ConsumeMessage, requeue));
  }

  #settle(write: () => void): Promise<void> {
    if (this.#settled) throw new MessageStateError('this delivery was settled before');
    this.#settled = true;
    if (!this.#owner.isOpen) return Promise.reject(this.#owner.lostReason());
    try {
      write();
      this.#onSettled?.();
      return SETTLED;
    } catch {
      // The channel is closing: the broker delivers the message again.
      return Promise.reject(this.#owner.lostReason());
    }
  }
}
