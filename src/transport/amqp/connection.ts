import { ConnectionError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { brokerProduct, destroySocket, hasEnded } from '../../driver/amqp.ts';
import type { ChannelModel } from '../../driver/amqp.ts';
import type { Channel, Connection, Transport } from '../transport.ts';
import { AmqpChannel } from './channel.ts';

/** A frozen broker must not keep us from closing. */
const CLOSE_TIMEOUT_MS = 5000;

/** One amqplib connection. Its owner opens another when it is gone. */
export class AmqpConnection implements Connection {
  readonly closed: Promise<Error | undefined>;
  readonly kind: Connection['kind'];
  readonly #model: ChannelModel;
  readonly #logger: Logger;
  readonly #sharesPrefetch: boolean;
  #isOpen = true;
  #isBlocked = false;
  #closing = false;
  #reason: Error | undefined;

  constructor(model: ChannelModel, logger: Logger, kind: Transport) {
    this.kind = kind;
    this.#model = model;
    this.#logger = logger;
    this.#sharesPrefetch = sharesPrefetch(brokerProduct(model));
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    model.on('error', (error: Error) => {
      this.#reason = new ConnectionError(`Connection to broker lost: ${error.message}`, { cause: error });
    });
    model.on('close', (error?: Error) => {
      this.#isOpen = false;
      if (!this.#closing) this.#reason ??= new ConnectionError(`Connection to broker lost: ${error?.message ?? 'closed by the broker'}`);
      resolve(this.#closing ? undefined : this.#reason);
    });
    model.on('blocked', () => (this.#isBlocked = true));
    model.on('unblocked', () => (this.#isBlocked = false));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  async openChannel(): Promise<Channel> {
    try {
      const channel = await this.#model.createConfirmChannel();
      // Its end may have come in the same packet as its beginning.
      if (hasEnded(channel)) throw this.#lost();
      return new AmqpChannel(channel, this.#model, {
        connectionReason: () => this.#lost(),
        logger: this.#logger,
        sharesPrefetch: this.#sharesPrefetch,
      });
    } catch (error) {
      throw this.#lost(error);
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#closing = true;
    const timer = setTimeout(() => destroySocket(this.#model), CLOSE_TIMEOUT_MS);
    try {
      await Promise.race([this.#model.close(), this.closed]);
    } catch {
      // It closed by itself meanwhile: what we wanted.
    } finally {
      clearTimeout(timer);
    }
    await this.closed;
  }

  #lost(cause?: unknown): Error {
    if (cause instanceof ConnectionError) return cause;
    return this.#reason ?? new ConnectionError(`Connection to broker lost${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause });
  }
}

/**
 * Whether consumers of a channel share one prefetch (`global` in basic.qos). RabbitMQ 4 can be told not to permit that, 4.3
 * does not by default, and 4.0 keeps quiet about it: it is not asked for from 4 on. `kombu/transport/pyamqp.py qos_semantics_matches_spec`.
 */
export function sharesPrefetch({ product, version }: { readonly product: string; readonly version: string }): boolean {
  return product !== 'RabbitMQ' || !(Number.parseInt(version, 10) >= 4);
}
