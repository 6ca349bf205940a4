import type { StrictSigning } from '../app/security.ts';
import type { Host } from '../base/host.ts';
import type { Message } from '../message/message.ts';
import type { Delivery, DeliveryInfo } from '../transport/transport.ts';
import { ReplayMemory } from './replay.ts';

/** Enough for a busy hour; about 200 MB when full. */
const REMEMBERED = 1_000_000;

/** What a strict worker does to each delivery whose signature holds. */
export class StrictIntake {
  readonly #signing: StrictSigning;
  readonly #host: Host;
  readonly #memory: ReplayMemory;

  constructor(signing: StrictSigning, host: Host, windowSeconds: number) {
    this.#signing = signing;
    this.#host = host;
    this.#memory = new ReplayMemory({ windowMs: windowSeconds * 1000, most: REMEMBERED });
  }

  /** The delivery to go on with: settling it is remembered. Throws `SecurityError` for one that is not to be taken. */
  take(delivery: Delivery, body: unknown): Delivery {
    const claims = this.#signing.check(body, delivery.message);
    this.#memory.admit(claims, delivery.info.redelivered, this.#host.now());
    return new RememberedDelivery(delivery, () => this.#memory.settle(claims.nonce));
  }
}

/** A delivery that tells when it is done with, even where the broker cannot be told: its task has run or never will. */
class RememberedDelivery implements Delivery {
  readonly message: Message;
  readonly info: DeliveryInfo;
  readonly queue: string;
  readonly #inner: Delivery;
  readonly #onDone: () => void;

  constructor(inner: Delivery, onDone: () => void) {
    this.message = inner.message;
    this.info = inner.info;
    this.queue = inner.queue;
    this.#inner = inner;
    this.#onDone = onDone;
  }

  get settled(): boolean {
    return this.#inner.settled;
  }

  ack(): Promise<void> {
    this.#onDone();
    return this.#inner.ack();
  }

  reject(options: { readonly requeue: boolean }): Promise<void> {
    if (!options.requeue) this.#onDone();
    return this.#inner.reject(options);
  }
}
