import type { ConfirmChannel } from '../../driver/amqp.ts';
import type { Queue } from '../../routing/queue.ts';
import type { ConsumeOptions, Consumer } from '../transport.ts';
import { isQuorum } from './arguments.ts';
import type { AmqpChannel } from './channel.ts';

/** basic.qos carries 16 bits; Celery sends 0, no limit, for more. */
const MAX_PREFETCH = 65_535;
/** A layer adds at least this part of what is there, so that layers stay few. */
const GROWTH = 0.25;
/** Layers leave when they are this much more than is wanted: well above what growth makes, so that no layer comes and goes. */
const SURPLUS = 1.5;

/** What AMQP adds to the options of every transport. */
export interface AmqpConsumeOptions extends ConsumeOptions {
  /** The broker takes one prefetch for all consumers of a channel. */
  readonly sharesPrefetch: boolean;
}

/** Consumers that were started together, one for each queue, each with a prefetch of its own. */
interface Layer {
  readonly prefetch: number;
  /** Tags by queue. */
  readonly tags: Map<string, string>;
}

/**
 * Consumes queues on one channel. Where queues and broker let consumers share the channel's prefetch, one layer of them is
 * enough. Elsewhere a running consumer keeps the prefetch that it started with: more layers are added as more is wanted, and
 * the newest leave as less is.
 */
export class AmqpConsumer implements Consumer {
  readonly #channel: ConfirmChannel;
  readonly #owner: AmqpChannel;
  #queues: readonly Queue[];
  readonly #options: ConsumeOptions;
  readonly #shared: boolean;
  /** What was asked for last; 0 is no limit. */
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
    this.#prefetch = carried(options.prefetch);
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

  setPrefetch(asked: number): Promise<void> {
    const prefetch = carried(asked);
    this.#prefetch = prefetch;
    return this.#inTurn(async () => {
      // A later call waits already.
      if (prefetch !== this.#prefetch) return;
      if (this.#shared) await this.#setQos(prefetch);
      else await this.#layersFor(prefetch);
    });
  }

  cancel(): Promise<void> {
    return this.#inTurnBriefly(() => {
      this.#queues = [];
      return this.#cancelAll();
    });
  }

  addQueue(queue: Queue): Promise<void> {
    return this.#inTurn(async () => {
      await this.#remove(queue.name);
      this.#queues = [...this.#queues, queue];
      for (const layer of this.#layers) {
        if (!this.#shared) await this.#setQos(layer.prefetch);
        await this.#consume(queue, layer);
      }
    });
  }

  removeQueue(name: string): Promise<void> {
    return this.#inTurnBriefly(() => this.#remove(name));
  }

  /** Runs after what has been asked for before, whatever came of that. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const mine = this.#owner.call(() => this.#turn.then(change, change));
    this.#turn = mine;
    return mine;
  }

  /** A change that must not wait for ever: not for the broker, and not for what was asked of it before. */
  #inTurnBriefly(change: () => Promise<void>): Promise<void> {
    return this.#owner.answered(this.#inTurn(change));
  }

  async #setQos(prefetch: number): Promise<void> {
    await this.#channel.prefetch(prefetch, this.#shared);
  }

  /** Makes the layers' prefetch together `prefetch`, or up to half more. */
  async #layersFor(prefetch: number): Promise<void> {
    const hadNoLimit = this.#layers[0]?.prefetch === 0;
    while (this.#layers.length > 1 && this.#total > prefetch * SURPLUS) await this.#dropLayer();
    const total = this.#total;
    if (prefetch === 0 || hadNoLimit || total > prefetch * SURPLUS) await this.#renew(prefetch);
    else if (total < prefetch) await this.#addLayer(Math.max(prefetch - total, Math.ceil(total * GROWTH)));
  }

  get #total(): number {
    return this.#layers.reduce((sum, { prefetch }) => sum + prefetch, 0);
  }

  async #addLayer(prefetch: number): Promise<void> {
    // What comes settled is not counted.
    if (!this.#options.noAck) await this.#setQos(prefetch);
    const layer = { prefetch, tags: new Map<string, string>() };
    this.#layers.push(layer);
    for (const queue of this.#queues) await this.#consume(queue, layer);
  }

  /** Ends the newest layer. What it has delivered may still be settled. */
  async #dropLayer(): Promise<void> {
    await this.#cancelTags(this.#layers.pop()?.tags.values() ?? []);
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

function carried(prefetch: number): number {
  return prefetch > MAX_PREFETCH ? 0 : prefetch;
}
