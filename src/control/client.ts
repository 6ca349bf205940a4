import { ConnectionError } from '../base/errors.ts';
import { decodeControlReply, encodeControlRequest } from '../protocol/control.ts';
import type { Channel, Delivery } from '../transport/transport.ts';
import { stamped } from './post.ts';
import type { Post } from './post.ts';
import { Answers } from './answers.ts';
import type { Answer, AnswersOptions } from './answers.ts';
import { controlExchange, replyExchange, replyQueue } from './topology.ts';
import { messageOf } from '../base/message-of.ts';

/** Where a request goes and how long its answers are waited for. */
export interface BroadcastOptions extends AnswersOptions {
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Nodes by name: both together. `matcher` is `glob` or `pcre`. */
  readonly pattern?: string | undefined;
  readonly matcher?: string | undefined;
}

/** What a client is made of. */
export interface ClientParts {
  readonly post: Post;
  readonly uuid: () => string;
  readonly now: () => number;
  readonly openChannel: () => Promise<Channel>;
}

/** A client's end of remote control: asks nodes and gathers their answers. `kombu/pidbox.py Mailbox`. */
export class ControlClient {
  readonly #parts: ClientParts;
  readonly #oid: string;
  readonly #waiting = new Map<string, Answers>();
  #sending: Promise<Channel> | undefined;
  #hearing: Promise<Channel> | undefined;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#oid = parts.uuid();
  }

  /** Tells nodes to do something and asks for no answer. Resolves when the broker has the request. */
  async cast(command: string, options: BroadcastOptions = {}): Promise<void> {
    await this.#send(command, options, undefined);
  }

  /**
   * Asks nodes and resolves to their answers, one object by node name each. Rejects with `ConnectionError` when the broker goes,
   * and with what the callback throws.
   */
  async call(command: string, options: BroadcastOptions = {}): Promise<Answer[]> {
    this.#hearing ??= this.#remember(this.#hear(), () => (this.#hearing = undefined));
    await this.#hearing;
    const ticket = this.#parts.uuid();
    const answers = new Answers(options);
    this.#waiting.set(ticket, answers);
    try {
      await this.#send(command, options, ticket);
      answers.wait();
      return await answers.all;
    } finally {
      this.#waiting.delete(ticket);
      answers.end();
    }
  }

  /** Closes what it has opened; what waits for answers is rejected. */
  async close(): Promise<void> {
    const channels = await Promise.allSettled([this.#hearing, this.#sending]);
    for (const channel of channels) if (channel.status === 'fulfilled') await channel.value?.close();
  }

  async #send(command: string, options: BroadcastOptions, ticket: string | undefined): Promise<void> {
    const { post, now, openChannel } = this.#parts;
    const { destination, pattern, matcher, timeout = 1 } = options;
    const exchange = controlExchange(post.mailbox);
    this.#sending ??= this.#remember(
      openChannel().then(async (channel) => {
        await channel.declareExchange(exchange);
        return channel;
      }),
      () => (this.#sending = undefined),
    );
    const replyTo = ticket === undefined ? undefined : { exchange: replyExchange(post.mailbox).name, routingKey: this.#oid };
    const request = { method: command, arguments: options.arguments ?? {}, destination, pattern, matcher, ticket, replyTo };
    const channel = await this.#sending;
    const headers = { expires: timeout === 0 ? 0 : now() / 1000 + timeout };
    const message = stamped(post, encodeControlRequest(request), headers, { deliveryMode: 2, priority: 0 });
    await channel.publish(message, { exchange: exchange.name, routingKey: '' });
  }

  async #hear(): Promise<Channel> {
    const { post, openChannel } = this.#parts;
    const queue = replyQueue(this.#oid, post.mailbox);
    const channel = await openChannel();
    await channel.declareQueue(queue);
    const onDelivery = (delivery: Delivery): void => this.#receive(delivery);
    await channel.consume([queue], { prefetch: 0, noAck: true, onDelivery, onCancelled: () => void channel.close() });
    void channel.closed.then((reason) => {
      const error = reason ?? new ConnectionError('the channel for answers is closed');
      for (const waiting of this.#waiting.values()) waiting.fail(error);
    });
    return channel;
  }

  #receive({ message }: Delivery): void {
    const { post } = this.#parts;
    try {
      const { clock, ticket } = message.headers as { readonly clock?: unknown; readonly ticket?: unknown };
      post.clock.adjust(clock);
      const reply = decodeControlReply(post.decode(message));
      if (reply === undefined) post.logger.warning('control: an answer that is no object was left alone');
      else if (typeof ticket === 'string') this.#waiting.get(ticket)?.hear(reply);
    } catch (error) {
      post.logger.error(`control: an answer could not be read: ${messageOf(error)}`);
    }
  }

  /** Keeps a channel until it is lost. */
  #remember(opening: Promise<Channel>, forget: () => void): Promise<Channel> {
    opening.then((channel) => void channel.closed.then(forget), forget);
    return opening;
  }
}
