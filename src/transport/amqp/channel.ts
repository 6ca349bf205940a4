import { ChannelError, ConnectionError, EncodeError, MessageNackedError } from '../../base/errors.ts';
import type { ChannelModel, ConfirmChannel, Options } from '../../driver/amqp.ts';
import type { Message } from '../../message/message.ts';
import type { Address, Queue } from '../../routing/queue.ts';
import type { Channel, ConsumeOptions, Consumer, Delivery } from '../transport.ts';
import { publishOptions, tagTable } from './arguments.ts';
import { AmqpConsumer } from './consumer.ts';
import { AmqpDelivery } from './delivery.ts';

/** A confirm channel of amqplib. */
export class AmqpChannel implements Channel {
  readonly closed: Promise<Error | undefined>;
  readonly #channel: ConfirmChannel;
  readonly #model: ChannelModel;
  readonly #connectionReason: () => Error;
  /** Exchanges known to be there; a publish to a missing one would take the whole channel with it. */
  readonly #exchanges = new Map<string, Promise<void>>();
  #isOpen = true;
  #closing = false;
  #reason: Error | undefined;

  constructor(channel: ConfirmChannel, model: ChannelModel, connectionReason: () => Error) {
    this.#channel = channel;
    this.#model = model;
    this.#connectionReason = connectionReason;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    channel.on('error', (error: unknown) => {
      this.#reason = channelError(error);
    });
    channel.on('close', () => {
      this.#isOpen = false;
      resolve(this.#closing ? undefined : this.lostReason());
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Why the channel is gone. */
  lostReason(): Error {
    return this.#reason ?? this.#connectionReason();
  }

  async declareQueue(queue: Queue): Promise<void> {
    const { exchange } = queue;
    await this.#call(async (channel) => {
      const args = tagTable(queue.arguments, asBuffer);
      await channel.assertQueue(queue.name, {
        durable: queue.durable,
        autoDelete: queue.autoDelete,
        exclusive: queue.exclusive,
        arguments: args,
      });
      if (exchange.name === '') return;
      await channel.assertExchange(exchange.name, exchange.type, { durable: exchange.durable, autoDelete: exchange.autoDelete });
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
        else reject(this.#isOpen ? new MessageNackedError('the broker refused the message (basic.nack)') : this.lostReason());
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
        reject(
          this.#isOpen
            ? new EncodeError(`cannot publish: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
            : this.lostReason(),
        );
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
    return this.#call(async (channel) => {
      const consumer = new AmqpConsumer(channel, this, queues, options);
      await consumer.start();
      return consumer;
    });
  }

  async get(queue: string): Promise<Delivery | undefined> {
    const message = await this.#call((channel) => channel.get(queue, { noAck: false }));
    return message === false ? undefined : new AmqpDelivery(message, this.#channel, this, queue);
  }

  async size(queue: string): Promise<number> {
    return (await this.#call((channel) => channel.checkQueue(queue))).messageCount;
  }

  async purge(queue: string): Promise<number> {
    return (await this.#call((channel) => channel.purgeQueue(queue))).messageCount;
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.#call((channel) => channel.deleteQueue(queue));
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#closing = true;
    // A dying connection closes the channel too; then there is nobody left to answer.
    await Promise.race([this.#channel.close(), this.closed]).catch(() => undefined);
    this.#isOpen = false;
  }

  async #call<T>(operation: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    if (!this.#isOpen) throw this.lostReason();
    try {
      return await operation(this.#channel);
    } catch (error) {
      throw channelError(error);
    }
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function channelError(error: unknown): Error {
  if (error instanceof ChannelError || error instanceof ConnectionError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  if (code === undefined && /connection|ECONN|socket/i.test(message)) return new ConnectionError(message, { cause: error });
  return new ChannelError(message, code, { cause: error });
}
