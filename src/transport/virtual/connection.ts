import type { Host } from '../../base/host.ts';
import type { Logger } from '../../base/logger.ts';
import type { Channel, Connection, Transport } from '../transport.ts';
import { VirtualChannel } from './channel.ts';
import type { VirtualStore } from './store.ts';

/** A connection to a virtual store: its channels share the store and go with it. */
export class VirtualConnection implements Connection {
  readonly closed: Promise<Error | undefined>;
  readonly kind: Connection['kind'];
  readonly isBlocked = false;
  readonly #store: VirtualStore;
  readonly #host: Host;
  readonly #logger: Logger;
  readonly #channels = new Set<Channel>();
  readonly #resolveClosed: (reason: Error | undefined) => void;
  #isOpen = true;

  constructor(store: VirtualStore, kind: Transport, { host, logger }: { readonly host: Host; readonly logger: Logger }) {
    this.kind = kind;
    this.#store = store;
    this.#host = host;
    this.#logger = logger;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  openChannel(): Promise<Channel> {
    const channel = new VirtualChannel({ store: this.#store, host: this.#host, logger: this.#logger });
    this.#channels.add(channel);
    void channel.closed.then(() => this.#channels.delete(channel));
    return Promise.resolve(channel);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await Promise.all([...this.#channels].map((channel) => channel.close()));
    await this.#store.close();
    this.#resolveClosed(undefined);
  }
}
