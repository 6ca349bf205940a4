import { MessageStateError } from '../../base/errors.ts';
import type { Message } from '../../message/message.ts';
import type { Delivery, DeliveryInfo } from '../transport.ts';
import { packEnvelope } from './envelope.ts';
import type { Unpacked } from './envelope.ts';
import type { Taken, VirtualStore } from './store.ts';

/** A message on loan from a virtual store. */
export class VirtualDelivery implements Delivery {
  readonly message: Message;
  readonly info: DeliveryInfo;
  readonly queue: string;
  readonly #taken: Taken;
  readonly #unpacked: Unpacked;
  readonly #store: VirtualStore;
  readonly #onSettled: (delivery: VirtualDelivery, done: Promise<void>) => void;
  #settled = false;

  constructor(taken: Taken, unpacked: Unpacked, store: VirtualStore, onSettled: (delivery: VirtualDelivery, done: Promise<void>) => void) {
    this.message = unpacked.message;
    this.info = { ...unpacked.address, redelivered: unpacked.redelivered, priority: unpacked.priority };
    this.queue = taken.queue;
    this.#taken = taken;
    this.#unpacked = unpacked;
    this.#store = store;
    this.#onSettled = onSettled;
  }

  get settled(): boolean {
    return this.#settled;
  }

  ack(): Promise<void> {
    return this.#settle(() => this.#store.settle(this.#taken));
  }

  reject({ requeue }: { readonly requeue: boolean }): Promise<void> {
    return this.#settle(() => (requeue ? this.#return() : this.#store.settle(this.#taken)));
  }

  /** Puts the message back because its channel closes. */
  giveBack(): Promise<void> {
    this.#settled = true;
    return this.#return();
  }

  #return(): Promise<void> {
    const { message, address, deliveryTag } = this.#unpacked;
    return this.#store.requeue(this.#taken, packEnvelope(message, address, deliveryTag, true));
  }

  #settle(write: () => Promise<void>): Promise<void> {
    if (this.#settled) throw new MessageStateError('this delivery was settled before');
    this.#settled = true;
    const done = write();
    this.#onSettled(this, done);
    return done;
  }
}
