import { ChannelError } from '../base/errors.ts';
import { decodeControlRequest } from '../protocol/control.ts';
import type { ControlRequest, ReplyTo } from '../protocol/control.ts';
import type { Channel, Connection, Delivery } from '../transport/transport.ts';
import { errorRepr } from './panel.ts';
import type { Panel } from './panel.ts';
import { stamped } from './post.ts';
import type { Post } from './post.ts';
import { isMeantFor } from './select.ts';
import { nodeQueue } from './topology.ts';
import { messageOf } from '../base/message-of.ts';

/** What a node is made of. */
export interface NodeParts<Context> {
  readonly name: string;
  readonly post: Post;
  readonly panel: Panel<Context>;
  readonly context: Context;
}

/** Before a mailbox that could not be opened is tried again; then twice as long each time. */
const RETRY_MS = 500;
const RETRY_MAX_MS = 10_000;

const RESOURCE_LOCKED = 405;

/**
 * A worker's end of remote control: hears requests, runs what is meant for it and answers. Nothing that is sent here, and
 * nothing that happens to its own queue, ends more than the answer. `kombu/pidbox.py Node`, `celery/worker/pidbox.py`.
 */
export class ControlNode<Context> {
  readonly #parts: NodeParts<Context>;
  #connection: Connection | undefined;
  #channel: Channel | undefined;
  #replies: Promise<Channel> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(parts: NodeParts<Context>) {
    this.#parts = parts;
  }

  /** Opens the mailbox. One that is held by another connection, or refused, is tried again until `stop`. Never rejects. */
  async start(connection: Connection): Promise<void> {
    this.#connection = connection;
    await this.#open(connection, RETRY_MS);
  }

  /** Closes the mailbox; answers under way are lost. */
  async stop(): Promise<void> {
    this.lost();
    await this.#channel?.close();
    await (await this.#replies?.catch(() => undefined))?.close();
  }

  /** The connection is gone. */
  lost(): void {
    this.#connection = undefined;
    clearTimeout(this.#retry);
  }

  async #open(connection: Connection, retryMs: number): Promise<void> {
    const { name, post } = this.#parts;
    const queue = nodeQueue(name, post.mailbox);
    try {
      const channel = await connection.openChannel();
      this.#channel = channel;
      await channel.declareQueue(queue);
      await channel.consume([queue], {
        prefetch: 0,
        noAck: true,
        onDelivery: (delivery) => this.#receive(delivery),
        onCancelled: () => void channel.close(),
      });
      void channel.closed.then((reason) => this.#again(connection, RETRY_MS, reason));
    } catch (error) {
      this.#again(connection, retryMs, error);
    }
  }

  #again(connection: Connection, retryMs: number, reason: unknown): void {
    if (this.#connection !== connection || !connection.isOpen) return;
    const { name, post } = this.#parts;
    post.logger.warning(
      reason instanceof ChannelError && reason.replyCode === RESOURCE_LOCKED
        ? `control: the mailbox of ${name} is held by another connection. A node named ${name} may be running, or its old connection not be closed yet; trying again`
        : `control: the mailbox of ${name} was closed; opening another (${reason instanceof Error ? reason.message : 'closed'})`,
    );
    this.#retry = setTimeout(() => void this.#open(connection, Math.min(retryMs * 2, RETRY_MAX_MS)), retryMs);
    this.#retry.unref();
  }

  #receive({ message }: Delivery): void {
    const { name, post } = this.#parts;
    post.clock.forward();
    try {
      const decoded = decodeControlRequest(post.decode(message));
      if (decoded.kind === 'invalid') return post.logger.error(`Control command error: ${decoded.reason}`);
      const { clock } = message.headers as { readonly clock?: unknown };
      post.clock.adjust(clock);
      if (isMeantFor(name, decoded.request)) void this.#perform(decoded.request);
    } catch (error) {
      post.logger.error(`Control command error: ${messageOf(error)}`);
    }
  }

  async #perform(request: ControlRequest): Promise<void> {
    const { name, post, panel, context } = this.#parts;
    let answer: unknown;
    try {
      answer = (await panel.handle(request.method, context, request.arguments)) ?? null;
    } catch (error) {
      const text = errorRepr(error);
      post.logger.error(`pidbox command error: ${text}`);
      answer = { error: text };
    }
    if (request.replyTo === undefined || answer === NO_ANSWER) return;
    await this.#answer({ [name]: answer }, request.replyTo, request.ticket).catch((error: unknown) =>
      post.logger.warning(`control: the answer to ${request.method.slice(0, 100)} could not be sent: ${errorRepr(error)}`),
    );
  }

  /** The exchange is the asker's: where it is not there, nobody waits any more. */
  async #answer(answer: unknown, { exchange, routingKey }: ReplyTo, ticket: string | undefined): Promise<void> {
    const { post } = this.#parts;
    const message = stamped(post, answer, { ticket: ticket ?? null }, { deliveryMode: 1, priority: 0 });
    await (await this.#replyChannel()).publish(message, { exchange, routingKey });
  }

  #replyChannel(): Promise<Channel> {
    const connection = this.#connection;
    if (connection === undefined) return Promise.reject(new ChannelError('the connection is gone'));
    this.#replies ??= connection.openChannel().then((channel) => {
      void channel.closed.then(() => (this.#replies = undefined));
      return channel;
    });
    this.#replies.catch(() => (this.#replies = undefined));
    return this.#replies;
  }
}

/** What a command returns to which nobody gets an answer, such as `shutdown`. */
export const NO_ANSWER: unique symbol = Symbol('no answer');
