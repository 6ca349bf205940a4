import type { ConfirmChannel } from '../../driver/amqp.ts';
import type { Queue } from '../../routing/queue.ts';
import type { ConsumeOptions, Consumer } from '../transport.ts';
import { isQuorum, isSingleActive } from './arguments.ts';
import type { AmqpChannel } from './channel.ts';

/** basic.qos carries 16 bits; Celery sends 0, no limit, for more. */
const MAX_PREFETCH = 65_535;

/** What AMQP adds to the options of every transport. */
export interface AmqpConsumeOptions extends ConsumeOptions {
  /** The broker takes one prefetch for all consumers of a channel. */
  readonly sharesPrefetch: boolean;
}

/** Consumers that were started together, one for each queue then, each with a prefetch of its own. */
interface Layer {
  readonly prefetch: number;
  /** Tags by queue. */
  readonly tags: Map<string, string>;
}

/**
 * Consumes queues on one channel. Where queues and broker let consumers share the channel's prefetch, one layer of them is
 * enough. Elsewhere a running consumer keeps the prefetch that it started with: more layers are added as more is wanted, and
 * leave as less is.
 */
export class AmqpConsumer implements Consumer {
  readonly #channel: ConfirmChannel;
  readonly #owner: AmqpChannel;
  #queues: readonly Queue[];
  readonly #options: ConsumeOptions;
  readonly #shared: boolean;
  #prefetch: number;
  #layers: Layer[] = [];
  /** Consumers are cancelled and started again. */
  #renewing = false;
  /** Ends when nothing is being changed: two changes at once would leave a consumer that nobody knows. */
  #turn: Promise<void> = Promise.resolve();

  constructor(channel: ConfirmChannel, owner: AmqpChannel, queues: readonly Queue[], options: AmqpConsumeOptions) {
    this.#channel = channel;
    this.#owner = owner;
    this.#queues = queues;
    this.#options = options;
    this.#prefetch = options.prefetch;
    // Quorum queues refuse a shared prefetch.
    this.#shared = options.sharesPrefetch && !queues.some((queue) => isQuorum(queue.arguments));
  }

  get queues(): readonly string[] {
    if (!this.#owner.isOpen) return [];
    return this.#renewing ? this.#queues.map(({ name }) => name) : [...new Set(this.#layers.flatMap(({ tags }) => [...tags.keys()]))];
  }

  async start(): Promise<void> {
    await this.#addLayer(this.#prefetch);
  }

  setPrefetch(prefetch: number): Promise<void> {
    this.#prefetch = prefetch;
    return this.#inTurn(async () => {
      // A later change waits already.
      if (prefetch !== this.#prefetch) return;
      if (this.#shared) await this.#setQos(prefetch);
      else await this.#layersFor(prefetch);
    });
  }

  cancel(): Promise<void> {
    return this.#goodbye(() => {
      this.#queues = [];
      return this.#cancelAll();
    });
  }

  addQueue(queue: Queue): Promise<void> {
    return this.#inTurn(async () => {
      await this.#remove(queue.name);
      this.#queues = [...this.#queues, queue];
      const [lowest] = this.#layers;
      if (lowest === undefined) return this.#addLayer(this.#prefetch);
      if (!this.#shared) await this.#setQos(this.#prefetch);
      await this.#consume(queue, lowest);
    });
  }

  removeQueue(name: string): Promise<void> {
    return this.#goodbye(() => this.#remove(name));
  }

  /** Runs after what has been asked for before, whatever came of that. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const mine = this.#owner.call(() => this.#turn.then(change, change));
    this.#turn = mine;
    return mine;
  }

  /** A change that must not wait for ever: not for the broker, and not for what was asked of it before. */
  #goodbye(change: () => Promise<void>): Promise<void> {
    return this.#owner.answered(this.#inTurn(change));
  }

  async #setQos(prefetch: number): Promise<void> {
    await this.#channel.prefetch(prefetch > MAX_PREFETCH ? 0 : prefetch, this.#shared);
  }

  /** Makes the layers' prefetch together `prefetch`, or up to a quarter more, so that layers stay few. */
  async #layersFor(prefetch: number): Promise<void> {
    const lowest = this.#layers[0]?.prefetch ?? 0;
    const total = this.#layers.reduce((sum, layer) => sum + layer.prefetch, 0);
    // Nothing can be added to no limit, nor above a consumer that leaves the others waiting.
    const isAlone = lowest === 0 || prefetch === 0 || this.#queues.some((queue) => isSingleActive(queue.arguments));
    if (isAlone || prefetch < lowest) await this.#renew(prefetch);
    else if (prefetch > total) await this.#addLayer(Math.max(prefetch - total, Math.ceil(total / 4)));
    else await this.#dropLayers(prefetch, total);
  }

  async #addLayer(prefetch: number): Promise<void> {
    // What comes settled is not counted.
    if (!this.#options.noAck) await this.#setQos(prefetch);
    const layer = { prefetch, tags: new Map<string, string>() };
    this.#layers.push(layer);
    for (const queue of this.#queues) await this.#consume(queue, layer);
  }

  /** Ends the newest layers that are needed no longer. What they have delivered may still be settled. */
  async #dropLayers(prefetch: number, total: number): Promise<void> {
    const bare = prefetch === this.#layers[0]?.prefetch;
    let left = total;
    for (let layer = this.#layers.at(-1); layer !== undefined && this.#layers.length > 1; layer = this.#layers.at(-1)) {
      left -= layer.prefetch;
      if (!bare && left < prefetch * 1.25) return;
      this.#layers.pop();
      await this.#cancelTags(layer.tags.values());
    }
  }

  async #renew(prefetch: number): Promise<void> {
    this.#renewing = true;
    try {
      await this.#cancelAll();
      await this.#addLayer(prefetch);
    } finally {
      this.#renewing = false;
    }
  }

  async #cancelAll(): Promise<void> {
    const tags = this.#layers.flatMap((layer) => [...layer.tags.values()]);
    this.#layers = [];
    await this.#cancelTags(tags);
  }

  async #remove(name: string): Promise<void> {
    this.#queues = this.#queues.filter((queue) => queue.name !== name);
    const tags = this.#layers.flatMap((layer) => layer.tags.get(name) ?? []);
    for (const layer of this.#layers) layer.tags.delete(name);
    await this.#cancelTags(tags);
  }

  async #cancelTags(tags: Iterable<string>): Promise<void> {
    await Promise.all(Array.from(tags, (tag) => this.#channel.cancel(tag)));
  }

  async #consume({ name }: Queue, { tags }: Layer): Promise<void> {
    const { onDelivery, onCancelled, noAck } = this.#options;
    const onMessage = (message: Parameters<Parameters<ConfirmChannel['consume']>[1]>[0]): void => {
      if (message === null) {
        tags.delete(name);
        onCancelled(name);
      } else onDelivery(this.#owner.receive(message, name, noAck));
    };
    const { consumerTag } = await this.#channel.consume(name, onMessage, { noAck });
    tags.set(name, consumerTag);
  }
}
