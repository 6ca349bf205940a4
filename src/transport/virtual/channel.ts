import { ChannelError, ConnectionError, DecodeError } from '../../base/errors.ts';
import type { Host } from '../../base/host.ts';
import type { Logger } from '../../base/logger.ts';
import type { Message } from '../../message/message.ts';
import type { Address, Exchange, ExchangeType, Queue } from '../../routing/queue.ts';
import type { Channel, ConsumeOptions, Consumer, Delivery, Peeked, QueueCounts } from '../transport.ts';
import { VirtualConsumer } from './consumer.ts';
import { VirtualDelivery } from './delivery.ts';
import { packEnvelope, unpackEnvelope } from './envelope.ts';
import { boundQueues, storedPattern } from './exchange.ts';
import type { Taken, VirtualStore } from './store.ts';

/** What a virtual channel needs. */
export interface VirtualContext {
  readonly store: VirtualStore;
  readonly host: Host;
  readonly logger: Logger;
}

/** AMQP's channel on a broker that has only queues. `kombu/transport/virtual/base.py Channel`. */
export class VirtualChannel implements Channel {
  readonly closed: Promise<Error | undefined>;
  readonly #context: VirtualContext;
  readonly #types = new Map<string, ExchangeType>();
  readonly #unsettled = new Set<VirtualDelivery>();
  readonly #settling = new Set<Promise<void>>();
  readonly #resolveClosed: (reason: Error | undefined) => void;
  #consumer: VirtualConsumer | undefined;
  /** Queues that go when this channel does. */
  #passing: readonly string[] = [];
  #isOpen = true;

  constructor(context: VirtualContext) {
    this.#context = context;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  declareExchange({ name, type }: Exchange): Promise<void> {
    this.#requireOpen();
    if (type === 'headers')
      throw new ChannelError(`exchange ${name}: there are no headers exchanges on a broker without exchanges of its own`);
    this.#types.set(name, type);
    return Promise.resolve();
  }

  async declareQueue(queue: Queue): Promise<void> {
    this.#requireOpen();
    const { exchange } = queue;
    if (exchange.name === '') return;
    await this.declareExchange(exchange);
    const pattern = storedPattern(exchange.type, queue.routingKey);
    await this.#context.store.bind(exchange.name, { routingKey: queue.routingKey, pattern, queue: queue.name });
  }

  async publish(message: Message, to: Address): Promise<void> {
    this.#requireOpen();
    const payload = packEnvelope(message, to, this.#context.host.uuid());
    for (const queue of await this.#queuesFor(to)) await this.#context.store.push(queue, payload);
  }

  async #queuesFor(to: Address): Promise<readonly string[]> {
    if (to.exchange === '') return [to.routingKey];
    const bindings = await this.#context.store.bindings(to.exchange);
    // Exchange types are known only to the processes that declared them; a row with a pattern is a topic's.
    const type = this.#types.get(to.exchange) ?? (bindings.some((binding) => binding.pattern !== '') ? 'topic' : 'direct');
    return boundQueues(type, bindings, to.routingKey);
  }

  consume(queues: readonly Queue[], options: ConsumeOptions): Promise<Consumer> {
    this.#requireOpen();
    if (this.#consumer !== undefined) return Promise.reject(new ChannelError('this channel has a consumer already'));
    const receive = (taken: Taken): Promise<VirtualDelivery | undefined> => this.#receive(taken, options.noAck);
    this.#consumer = new VirtualConsumer({
      ...this.#context,
      queues: queues.map((queue) => queue.name),
      options,
      unsettled: this.#unsettled,
      receive,
    });
    this.#passing = queues.filter((queue) => queue.autoDelete).map((queue) => queue.name);
    this.#consumer.start();
    return Promise.resolve(this.#consumer);
  }

  async get(queue: string): Promise<Delivery | undefined> {
    this.#requireOpen();
    for (;;) {
      const [taken] = await this.#context.store.take([queue], 1);
      if (taken === undefined) return undefined;
      const delivery = await this.#receive(taken, false);
      if (delivery !== undefined) return delivery;
    }
  }

  async peek(queue: string): Promise<Peeked | undefined> {
    this.#requireOpen();
    const payload = await this.#context.store.peek(queue);
    return payload === undefined ? undefined : { payload };
  }

  /** Unpacks a message; one nobody can read is put aside, loudly, and is `undefined` here. */
  async #receive(taken: Taken, noAck: boolean): Promise<VirtualDelivery | undefined> {
    try {
      if (taken.unreadable !== undefined) throw new DecodeError('', taken.unreadable);
      const unpacked = unpackEnvelope(taken.payload);
      const delivery = new VirtualDelivery(taken, unpacked, this.#context.store, (settled, done) => {
        this.#unsettled.delete(settled);
        this.#consumer?.roomFreed();
        this.#settling.add(done);
        const forget = (): void => void this.#settling.delete(done);
        done.then(forget, forget);
      });
      if (noAck) await delivery.ack();
      else this.#unsettled.add(delivery);
      return delivery;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#context.logger.error(`Unreadable message in queue ${taken.queue} put aside: ${error.message}`);
      await this.#context.store.quarantine(taken, error.message);
      return undefined;
    }
  }

  size(queue: string): Promise<number> {
    this.#requireOpen();
    return this.#context.store.size(queue);
  }

  async counts(queue: string): Promise<QueueCounts> {
    return { messages: await this.size(queue), consumers: undefined };
  }

  purge(queue: string): Promise<number> {
    this.#requireOpen();
    return this.#context.store.purge(queue);
  }

  deleteQueue(queue: string): Promise<void> {
    this.#requireOpen();
    return this.#context.store.deleteQueue(queue);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#consumer?.cancel();
    // Whoever closes may end the process next: what was settled must be written by then.
    await Promise.allSettled(this.#settling);
    // Newest first, so that each goes to the head and the oldest ends up in front.
    for (const delivery of [...this.#unsettled].reverse()) {
      await delivery.giveBack().catch((error: unknown) => this.#context.logger.warning(`Could not return a message: ${String(error)}`));
    }
    for (const queue of this.#passing) {
      await this.#context.store
        .deleteQueue(queue)
        .catch((error: unknown) => this.#context.logger.warning(`Could not delete queue ${queue}: ${String(error)}`));
    }
    this.#resolveClosed(undefined);
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new ConnectionError('the channel is closed');
  }
}
