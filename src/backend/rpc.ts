import { BackendUnavailableError, ContentDisallowedError, TqError } from '../base/errors.ts';
import { decodeMessage } from '../message/decode.ts';
import { encodeMessage } from '../message/encode.ts';
import { decodeMeta } from '../protocol/result.ts';
import type { ResultMeta } from '../protocol/result.ts';
import { isReadyState } from '../protocol/state.ts';
import { plainQueue } from '../routing/queue.ts';
import type { Queue } from '../routing/queue.ts';
import type { Channel, Delivery } from '../transport/transport.ts';
import type { ResultBackend, ResultDestination, WaitOptions } from './backend.ts';
import type { BackendOptions } from './options.ts';
import { Waiters } from './waiters.ts';
import { messageOf } from '../base/message-of.ts';

/** Celery keeps a reply queue for a day; ours is declared as 5.7 declares it. */
const QUEUE_EXPIRES_MS = 86_400_000;

/** States kept for tasks nobody waits for yet. */
const KEPT_STATES = 10_000;

/** One result is tried this often on a broker that comes back. */
const STORE_ATTEMPTS = 8;
const STORE_PAUSE_MS = 500;

/** `rpc://`: results travel as messages to a reply queue of the sender's own. `celery/backends/rpc.py`. */
export function openRpcBackend(options: BackendOptions): Promise<ResultBackend> {
  return Promise.resolve(new RpcBackend(options));
}

class RpcBackend implements ResultBackend {
  readonly name = 'rpc';
  readonly replyTo: string;
  readonly #options: BackendOptions;
  readonly #waiters = new Waiters();
  readonly #states = new Map<string, ResultMeta>();
  #consuming: Promise<Channel> | undefined;
  #listening = false;
  #publishing: Promise<Channel> | undefined;
  #closed = false;

  constructor(options: BackendOptions) {
    this.#options = options;
    this.replyTo = options.host.uuid();
  }

  async storeResult(meta: ResultMeta, { replyTo, correlationId }: ResultDestination): Promise<void> {
    if (replyTo === undefined || replyTo === '') return;
    const { serializer, persistent } = this.#options;
    const message = encodeMessage(meta, {
      serializer,
      compressor: undefined,
      headers: {},
      properties: { deliveryMode: persistent ? 2 : 1, correlationId: correlationId ?? meta.task_id, priority: 0 },
    });
    for (let attempt = 1; ; attempt += 1) {
      try {
        const channel = await this.#publishChannel();
        return await channel.publish(message, { exchange: '', routingKey: replyTo });
      } catch (error) {
        if (attempt >= STORE_ATTEMPTS || this.#closed)
          throw new BackendUnavailableError(`the result of ${meta.task_id} could not be sent: ${messageOf(error)}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, STORE_PAUSE_MS));
      }
    }
  }

  async getMeta(taskId: string): Promise<ResultMeta | undefined> {
    await this.#consume();
    return this.#states.get(taskId);
  }

  ready(): Promise<void> | undefined {
    return this.#listening ? undefined : this.#consume();
  }

  async waitFor(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    const waiting = this.#waiters.wait(taskId, options);
    // The wait ends in time even when the broker does not answer.
    this.#consume().then(
      () => {
        const known = this.#states.get(taskId);
        if (known !== undefined) this.#waiters.announce(taskId, known);
      },
      (error: unknown) => this.#waiters.fail(taskId, error),
    );
    return waiting;
  }

  forget(taskId: string): Promise<void> {
    this.#states.delete(taskId);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiters.close();
    const channels = await Promise.allSettled([this.#consuming, this.#publishing]);
    for (const channel of channels) if (channel.status === 'fulfilled') await channel.value?.close();
  }

  #publishChannel(): Promise<Channel> {
    this.#publishing ??= this.#options.openChannel().then(
      (channel) => {
        void channel.closed.then(() => (this.#publishing = undefined));
        return channel;
      },
      (error: unknown) => {
        this.#publishing = undefined;
        throw error;
      },
    );
    return this.#publishing;
  }

  /** Consumes the reply queue, from the first question on and again whenever its channel is lost. */
  async #consume(): Promise<void> {
    this.#consuming ??= this.#startConsuming().catch((error: unknown) => {
      this.#consuming = undefined;
      throw error;
    });
    await this.#consuming;
  }

  async #startConsuming(): Promise<Channel> {
    const channel = await this.#options.openChannel();
    const queue = replyQueue(this.replyTo);
    await channel.declareQueue(queue);
    await channel.consume([queue], {
      prefetch: 0,
      noAck: true,
      onDelivery: (delivery) => this.#receive(delivery),
      onCancelled: () => this.#restart(),
    });
    this.#listening = true;
    void channel.closed.then(() => this.#restart());
    return channel;
  }

  #restart(): void {
    this.#listening = false;
    this.#consuming = undefined;
    if (this.#closed || this.#waiters.taskIds().length === 0) return;
    setTimeout(() => {
      this.#consume().catch((error: unknown) => {
        this.#options.logger.warning(`The reply queue cannot be consumed: ${messageOf(error)}`);
        this.#restart();
      });
    }, STORE_PAUSE_MS);
  }

  #receive({ message }: Delivery): void {
    try {
      const meta = decodeMeta(decodeMessage(message, this.#options), message.properties.correlationId);
      const known = this.#states.get(meta.task_id);
      if (known === undefined || !isReadyState(known.status)) this.#keep(meta);
      this.#waiters.announce(meta.task_id, meta);
    } catch (error) {
      if (!(error instanceof TqError)) throw error;
      const { correlationId } = message.properties;
      if (error instanceof ContentDisallowedError && correlationId !== undefined) this.#waiters.fail(correlationId, error);
      this.#options.logger.error(`Unreadable message on the reply queue dropped: ${error.message}`);
    }
  }

  #keep(meta: ResultMeta): void {
    this.#states.set(meta.task_id, meta);
    if (this.#states.size <= KEPT_STATES) return;
    const [oldest] = this.#states.keys();
    if (oldest !== undefined) this.#states.delete(oldest);
  }
}

function replyQueue(name: string): Queue {
  return {
    ...plainQueue(name),
    exchange: { name: '', type: 'direct', durable: true, autoDelete: false },
    durable: true,
    autoDelete: true,
    arguments: { 'x-expires': QUEUE_EXPIRES_MS },
  };
}
