import type { ConfirmChannel } from '../../driver/amqp.ts';
import type { Queue } from '../../routing/queue.ts';
import type { ConsumeOptions, Consumer } from '../transport.ts';
import { isQuorum } from './arguments.ts';
import type { AmqpChannel } from './channel.ts';

/** basic.qos carries 16 bits; Celery sends 0, no limit, for more. */
const MAX_PREFETCH = 65_535;

/** One amqplib consumer a queue, sharing the channel's prefetch. */
export class AmqpConsumer implements Consumer {
  readonly #channel: ConfirmChannel;
  readonly #owner: AmqpChannel;
  #queues: readonly Queue[];
  readonly #options: ConsumeOptions;
  /** Quorum queues refuse a prefetch shared by a channel. */
  readonly #perConsumer: boolean;
  /** Tags by queue. */
  readonly #tags = new Map<string, string>();
  /** Consumers are cancelled and started again, to count anew. */
  #renewing = false;

  constructor(channel: ConfirmChannel, owner: AmqpChannel, queues: readonly Queue[], options: ConsumeOptions) {
    this.#channel = channel;
    this.#owner = owner;
    this.#queues = queues;
    this.#options = options;
    this.#perConsumer = queues.some((queue) => isQuorum(queue.arguments));
  }

  get queues(): readonly string[] {
    if (!this.#owner.isOpen) return [];
    return this.#renewing ? this.#queues.map(({ name }) => name) : [...this.#tags.keys()];
  }

  async start(): Promise<void> {
    await this.#setQos(this.#options.prefetch);
    await this.#consumeAll();
  }

  async setPrefetch(prefetch: number): Promise<void> {
    await this.#setQos(prefetch);
    if (!this.#perConsumer) return;
    // A running consumer keeps the count it started with.
    this.#renewing = true;
    try {
      await this.cancel();
      await this.#consumeAll();
    } finally {
      this.#renewing = false;
    }
  }

  async cancel(): Promise<void> {
    const tags = [...this.#tags.values()];
    this.#tags.clear();
    await this.#owner.answered(Promise.all(tags.map((tag) => this.#channel.cancel(tag))));
  }

  async addQueue(queue: Queue): Promise<void> {
    await this.removeQueue(queue.name);
    this.#queues = [...this.#queues, queue];
    await this.#consume(queue);
  }

  async removeQueue(name: string): Promise<void> {
    this.#queues = this.#queues.filter((queue) => queue.name !== name);
    const tag = this.#tags.get(name);
    this.#tags.delete(name);
    if (tag !== undefined) await this.#owner.answered(this.#channel.cancel(tag));
  }

  async #setQos(prefetch: number): Promise<void> {
    await this.#channel.prefetch(prefetch > MAX_PREFETCH ? 0 : prefetch, !this.#perConsumer);
  }

  async #consumeAll(): Promise<void> {
    for (const queue of this.#queues) await this.#consume(queue);
  }

  async #consume({ name }: Queue): Promise<void> {
    const { onDelivery, onCancelled, noAck } = this.#options;
    const onMessage = (message: Parameters<Parameters<ConfirmChannel['consume']>[1]>[0]): void => {
      if (message === null) {
        this.#tags.delete(name);
        onCancelled(name);
      } else onDelivery(this.#owner.receive(message, name, noAck));
    };
    const { consumerTag } = await this.#channel.consume(name, onMessage, { noAck });
    this.#tags.set(name, consumerTag);
  }
}
