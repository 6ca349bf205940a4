import { ChannelError, ConnectionError, EncodeError, MessageNackedError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { unreadableReason } from '../../driver/amqp-fields.ts';
import type { ChannelModel, ConfirmChannel, Options } from '../../driver/amqp.ts';
import type { Message } from '../../message/message.ts';
import type { Address, Exchange, Queue } from '../../routing/queue.ts';
import type { Channel, ConsumeOptions, Consumer, Delivery, Peeked, QueueCounts } from '../transport.ts';
import { publishOptions, tagTable } from './arguments.ts';
import { AmqpConsumer } from './consumer.ts';
import { AmqpDelivery } from './delivery.ts';
import type { Received } from './delivery.ts';
import { messageOf } from '../../base/message-of.ts';

/** What a channel knows of its connection. */
export interface ChannelContext {
  /** Why the connection is gone. */
  readonly connectionReason: () => Error;
  readonly logger: Logger;
  /** The broker takes one prefetch for all consumers of a channel. */
  readonly sharesPrefetch: boolean;
}

/** A frozen broker must not keep us from closing. */
const CLOSE_TIMEOUT_MS = 5000;

/** A confirm channel of amqplib. */
export class AmqpChannel implements Channel {
  readonly closed: Promise<Error | undefined>;
  readonly #channel: ConfirmChannel;
  readonly #model: ChannelModel;
  readonly #context: ChannelContext;
  /** Exchanges known to be there; a publish to a missing one would take the whole channel with it. */
  readonly #exchanges = new Map<string, Promise<void>>();
  /** What ends each call under way when the channel does; amqplib leaves some of them waiting. */
  readonly #calls = new Set<() => void>();
  #isOpen = true;
  #closing = false;
  #silent = false;
  #reason: Error | undefined;

  constructor(channel: ConfirmChannel, model: ChannelModel, context: ChannelContext) {
    this.#channel = channel;
    this.#model = model;
    this.#context = context;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    channel.on('error', (error: unknown) => {
      this.#reason = channelError(error);
    });
    // Before amqplib's own listener, which fails what is unconfirmed.
    channel.prependListener('close', () => {
      this.#isOpen = false;
      // The connection says why it ended only after its channels have.
      queueMicrotask(() => {
        for (const end of this.#calls) end();
        resolve(this.#closing ? undefined : this.lostReason());
      });
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why the channel is gone. */
  lostReason(): Error {
    return this.#reason ?? (this.#closing ? new ConnectionError('the channel is closed') : this.#context.connectionReason());
  }

  /** A message of amqplib's as a delivery; `onSettled` is called when it has been settled while the channel lived. */
  receive(message: Received, queue: string, noAck = false, onSettled?: () => void): AmqpDelivery {
    const reason = unreadableReason(message.properties.headers ?? {});
    if (reason !== undefined) this.#context.logger.error(`The headers of a message in queue ${queue} cannot be read: ${reason}`);
    return new AmqpDelivery(message, this.#channel, this, { queue, settled: noAck, onSettled });
  }

  /** Settles as `operation` does, or rejects when the channel ends first; amqplib's errors become ours. */
  async call<T>(operation: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    if (!this.#isOpen) throw this.lostReason();
    const { promise: lost, reject } = Promise.withResolvers<never>();
    const end = (): void => reject(this.lostReason());
    this.#calls.add(end);
    try {
      return await Promise.race([operation(this.#channel), lost]);
    } catch (error) {
      throw this.#isOpen ? channelError(error) : this.lostReason();
    } finally {
      this.#calls.delete(end);
    }
  }

  /** Waits for the broker's answer to a goodbye, but not for ever. Rejects when the channel is lost or the broker silent. */
  async answered(goodbye: Promise<unknown>): Promise<void> {
    // It may fail after nobody waits for it any more.
    goodbye.catch(() => undefined);
    if (this.#silent) throw new ConnectionError('the broker does not answer');
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#silent = true;
        reject(new ConnectionError('the broker does not answer'));
      }, CLOSE_TIMEOUT_MS);
    });
    try {
      await Promise.race([goodbye, silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  async declareExchange(exchange: Exchange): Promise<void> {
    if (exchange.name === '') return;
    await this.call((channel) => assertExchange(channel, exchange));
    this.#exchanges.set(exchange.name, Promise.resolve());
  }

  async declareQueue(queue: Queue): Promise<void> {
    const { exchange } = queue;
    await this.call(async (channel) => {
      const args = tagTable(queue.arguments, asBuffer);
      await channel.assertQueue(queue.name, {
        durable: queue.durable,
        autoDelete: queue.autoDelete,
        exclusive: queue.exclusive,
        arguments: args,
      });
      if (exchange.name === '') return;
      await assertExchange(channel, exchange);
      await channel.bindQueue(queue.name, exchange.name, queue.routingKey);
    });
    this.#exchanges.set(exchange.name, Promise.resolve());
  }

  publish(message: Message, to: Address): Promise<void> {
    if (to.exchange === '') return this.#publish(message, to);
    let known = this.#exchanges.get(to.exchange);
    if (known === undefined) {
      known = this.#checkExchange(to.exchange);
      this.#exchanges.set(to.exchange, known);
      known.catch(() => this.#exchanges.delete(to.exchange));
    }
    return known.then(() => this.#publish(message, to));
  }

  #publish(message: Message, to: Address): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) return reject(this.lostReason());
      const onConfirm = (error: unknown): void => {
        if (error === null || error === undefined) resolve();
        else if (this.#isOpen) reject(new MessageNackedError('the broker refused the message (basic.nack)'));
        else queueMicrotask(() => reject(this.lostReason()));
      };
      try {
        this.#channel.publish(
          to.exchange,
          to.routingKey,
          asBuffer(message.body),
          publishOptions(message, asBuffer) as Options.Publish,
          onConfirm,
        );
      } catch (error) {
        reject(this.#isOpen ? new EncodeError(`cannot publish: ${messageOf(error)}`, { cause: error }) : this.lostReason());
      }
    });
  }

  /** Looks for an exchange on a channel of its own, so that a 404 closes that one only. */
  async #checkExchange(name: string): Promise<void> {
    const probe = await this.#model.createChannel().catch((error: unknown) => {
      throw this.#isOpen ? channelError(error) : this.lostReason();
    });
    probe.on('error', () => undefined);
    try {
      await probe.checkExchange(name);
    } catch (error) {
      throw channelError(error);
    }
    await probe.close();
  }

  async consume(queues: readonly Queue[], options: ConsumeOptions): Promise<Consumer> {
    return this.call(async (channel) => {
      const consumer = new AmqpConsumer(channel, this, queues, { ...options, sharesPrefetch: this.#context.sharesPrefetch });
      await consumer.start();
      return consumer;
    });
  }

  async get(queue: string): Promise<Delivery | undefined> {
    const message = await this.call((channel) => channel.get(queue, { noAck: false }));
    return message === false ? undefined : this.receive(message, queue);
  }

  async peek(queue: string): Promise<Peeked | undefined> {
    const delivery = await this.get(queue);
    if (delivery === undefined) return undefined;
    const { message, info } = delivery;
    await delivery.reject({ requeue: true });
    return { message, info };
  }

  async size(queue: string): Promise<number> {
    return (await this.counts(queue)).messages;
  }

  async counts(queue: string): Promise<QueueCounts> {
    const { messageCount: messages, consumerCount: consumers } = await this.call((channel) => channel.checkQueue(queue));
    return { messages, consumers };
  }

  async purge(queue: string): Promise<number> {
    return (await this.call((channel) => channel.purgeQueue(queue))).messageCount;
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.call((channel) => channel.deleteQueue(queue));
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#closing = true;
    // A dying connection closes the channel too; then there is nobody left to answer.
    await this.answered(Promise.race([this.#channel.close(), this.closed])).catch(() => undefined);
    this.#isOpen = false;
  }
}

async function assertExchange(channel: ConfirmChannel, { name, type, durable, autoDelete }: Exchange): Promise<void> {
  await channel.assertExchange(name, type, { durable, autoDelete });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function channelError(error: unknown): Error {
  if (error instanceof ChannelError || error instanceof ConnectionError) return error;
  const message = messageOf(error);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  if (code === undefined && /connection|ECONN|socket/i.test(message)) return new ConnectionError(message, { cause: error });
  return new ChannelError(message, code, { cause: error });
}
