import type { ConfirmChannel } from '../../driver/amqp.ts';
import type { Queue } from '../../routing/queue.ts';
import type { ConsumeOptions, Consumer } from '../transport.ts';
import { isQuorum } from './arguments.ts';
import type { AmqpChannel } from './channel.ts';

/** basic.qos carries 16 bits; Celery sends 0, no limit, for more. */
const MAX_PREFETCH = 65_535;
/** A layer adds at least this part of what is there, so that layers stay few; and one is added when this part is missing. */
const GROWTH = 0.25;
/** Layers are ended when they are this much more than is wanted: well above what growth makes, so that few come and go. */
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
  /** Delivered and not settled. */
  out: number;
}

/**
 * Consumes queues on one channel. Where queues and broker let consumers share the channel's prefetch, one layer of them is
 * enough. Elsewhere a running consumer keeps the prefetch that it started with: more layers are added as more is wanted, and
 * the newest are ended as less is. What those still have out counts until it is settled.
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
  /** Ended, with messages still out. */
  #ended: Layer[] = [];
  #growing = false;
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
    return [...new Set(this.#layers.flatMap(({ tags }) => [...tags.keys()]))];
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
      return this.#end(this.#layers);
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

  /** Makes what may be out together `prefetch`, or up to half more. */
  async #layersFor(prefetch: number): Promise<void> {
    const first = this.#layers[0]?.prefetch ?? 0;
    if (first === 0 && prefetch === 0) return;
    if (first === 0 || prefetch === 0 || first > prefetch * SURPLUS) await this.#renew(prefetch);
    while (this.#layers.length > 1 && this.#limit > prefetch * SURPLUS) await this.#end(this.#layers.slice(-1));
    // Also after a renewal: what it has counted may have been settled meanwhile.
    const total = this.#limit + this.#leftOver;
    if (total < prefetch) await this.#addLayer(Math.max(prefetch - total, Math.ceil(total * GROWTH)));
  }

  /** What the layers may have out. */
  get #limit(): number {
    return this.#layers.reduce((sum, { prefetch }) => sum + prefetch, 0);
  }

  /** What ended layers have out. */
  get #leftOver(): number {
    return this.#ended.reduce((sum, { out }) => sum + out, 0);
  }

  async #addLayer(prefetch: number): Promise<void> {
    // What comes settled is not counted.
    if (!this.#options.noAck) await this.#setQos(prefetch);
    const layer = { prefetch, tags: new Map<string, string>(), out: 0 };
    this.#layers.push(layer);
    for (const queue of this.#queues) await this.#consume(queue, layer);
  }

  /** Other consumers first: a queue may go with its last. */
  async #renew(prefetch: number): Promise<void> {
    const old = [...this.#layers];
    const out = [...old, ...this.#ended].reduce((sum, layer) => sum + layer.out, 0);
    await this.#addLayer(prefetch === 0 ? 0 : Math.max(1, prefetch - out));
    await this.#end(old);
  }

  /** What they have delivered may still be settled. */
  async #end(layers: readonly Layer[]): Promise<void> {
    this.#layers = this.#layers.filter((layer) => !layers.includes(layer));
    this.#ended.push(...layers);
    await this.#cancelTags(layers.flatMap(({ tags }) => [...tags.values()]));
    this.#forgetIdle();
  }

  /** What has nothing out counts for nothing. */
  #forgetIdle(): void {
    this.#ended = this.#ended.filter(({ out }) => out > 0);
  }

  readonly #onSettled = (layer: Layer): void => {
    layer.out -= 1;
    if (this.#ended.length === 0 || !this.#ended.includes(layer)) return;
    this.#forgetIdle();
    if (!this.#growing) void this.#growAgain();
  };

  /** Makes up for what ended layers had out and have no more. */
  async #growAgain(): Promise<void> {
    this.#growing = true;
    try {
      while (this.#queues.length > 0 && this.#isMissed()) await this.setPrefetch(this.#prefetch);
    } catch {
      // A lost channel needs no prefetch.
    } finally {
      this.#growing = false;
    }
  }

  #isMissed(): boolean {
    const missing = this.#prefetch - this.#limit - this.#leftOver;
    return missing >= Math.max(1, this.#prefetch * GROWTH);
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

  async #consume({ name }: Queue, layer: Layer): Promise<void> {
    const { onDelivery, onCancelled, noAck } = this.#options;
    const onSettled = this.#shared || noAck ? undefined : (): void => this.#onSettled(layer);
    const onMessage = (message: Parameters<Parameters<ConfirmChannel['consume']>[1]>[0]): void => {
      if (message === null) {
        layer.tags.delete(name);
        return onCancelled(name);
      }
      layer.out += 1;
      onDelivery(this.#owner.receive(message, name, noAck, onSettled));
    };
    const { consumerTag } = await this.#channel.consume(name, onMessage, { noAck });
    layer.tags.set(name, consumerTag);
  }
}

function carried(prefetch: number): number {
  return prefetch > MAX_PREFETCH ? 0 : prefetch;
}
