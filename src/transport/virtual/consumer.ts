import type { Logger } from '../../base/logger.ts';
import type { Queue } from '../../routing/queue.ts';
import type { ConsumeOptions, Consumer } from '../transport.ts';
import type { VirtualDelivery } from './delivery.ts';
import type { Taken, VirtualStore } from './store.ts';
import { messageOf } from '../../base/message-of.ts';

/** What the loop needs. */
export interface VirtualConsumerContext {
  readonly store: VirtualStore;
  readonly logger: Logger;
  readonly queues: readonly string[];
  readonly options: ConsumeOptions;
  readonly unsettled: ReadonlySet<VirtualDelivery>;
  readonly receive: (taken: Taken) => Promise<VirtualDelivery | undefined>;
}

/** Messages fetched in one go when nothing bounds them. */
const BATCH = 64;

/** Wait after a store that failed, so that a broken folder does not spin. */
const PAUSE_AFTER_ERROR_MS = 1000;

/** The loop that takes messages while there is room for them. */
export class VirtualConsumer implements Consumer {
  readonly #context: VirtualConsumerContext;
  readonly #stopping = new AbortController();
  #queues: readonly string[];
  #prefetch: number;
  /** Ends a wait for messages: the consumer is cancelled, or looks elsewhere. */
  #wake = new AbortController();
  #room = Promise.withResolvers<void>();
  #loop: Promise<void> = Promise.resolve();
  /** The last look at the store has failed. */
  #failing = false;

  constructor(context: VirtualConsumerContext) {
    this.#context = context;
    this.#queues = context.queues;
    this.#prefetch = context.options.prefetch;
  }

  get queues(): readonly string[] {
    return this.#failing || this.#stopping.signal.aborted ? [] : this.#queues;
  }

  start(): void {
    this.#loop = this.#run();
  }

  setPrefetch(prefetch: number): Promise<void> {
    this.#prefetch = prefetch;
    this.roomFreed();
    return Promise.resolve();
  }

  addQueue({ name }: Queue): Promise<void> {
    return this.#choose([...this.#queues.filter((queue) => queue !== name), name]);
  }

  removeQueue(name: string): Promise<void> {
    return this.#choose(this.#queues.filter((queue) => queue !== name));
  }

  /** Looks at other queues from now on, also while it waits. */
  #choose(queues: readonly string[]): Promise<void> {
    this.#queues = queues;
    this.#wake.abort();
    return Promise.resolve();
  }

  /** A delivery was settled, or the ceiling moved. */
  roomFreed(): void {
    this.#room.resolve();
  }

  async cancel(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    this.roomFreed();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { store, logger } = this.#context;
    while (!this.#stopping.signal.aborted) {
      // Before the look at the queues, so that a change while looking is not missed.
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
      try {
        const room = this.#roomLeft();
        if (room <= 0) await this.#waitForRoom();
        else if (!(await this.#takeSome(room))) await store.arrival(this.#queues, this.#wake.signal);
      } catch (error) {
        this.#failing = true;
        logger.error(`Cannot read from ${this.#queues.join(', ')}: ${messageOf(error)}`);
        await pause(PAUSE_AFTER_ERROR_MS, this.#stopping.signal);
      }
    }
  }

  async #takeSome(room: number): Promise<boolean> {
    const { store, options, receive } = this.#context;
    const taken = await store.take(this.#queues, room);
    this.#failing = false;
    const tooLate: VirtualDelivery[] = [];
    for (const one of taken) {
      const delivery = await receive(one);
      if (delivery === undefined) continue;
      if (options.noAck || !this.#stopping.signal.aborted) options.onDelivery(delivery);
      else tooLate.push(delivery);
    }
    // Taken when the cancel came: newest first, so that each goes to the head and the oldest ends up in front.
    for (const delivery of tooLate.reverse()) await delivery.reject({ requeue: true });
    return taken.length > 0;
  }

  #roomLeft(): number {
    const { options, unsettled } = this.#context;
    const room = Math.min(BATCH, options.room?.() ?? BATCH);
    return this.#prefetch === 0 ? room : Math.min(room, this.#prefetch - unsettled.size);
  }

  async #waitForRoom(): Promise<void> {
    this.#room = Promise.withResolvers<void>();
    if (this.#roomLeft() > 0 || this.#stopping.signal.aborted) return;
    await this.#room.promise;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
