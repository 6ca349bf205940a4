import type { Connection } from '../../transport/transport.ts';
import type { ConsumerContext } from '../consumer.ts';
import type { Step } from '../steps.ts';

/** How a worker is. Only `ok` says that it consumes; `reason` is for people and names nothing of the broker. */
export type Health =
  | { readonly status: 'ok' }
  | { readonly status: 'starting' | 'disconnected' | 'silent' | 'unsubscribed' | 'stopping'; readonly reason: string };

/** What is asked of a worker each time its health is. */
export interface HealthSources {
  readonly stopping: () => boolean;
  /** Names of the queues that it is to consume. */
  readonly queues: () => readonly string[];
  /** Names of those that deliver now. */
  readonly consumed: () => readonly string[];
}

/** The broker is asked this often, and called silent when it owes an answer for so many looks. */
const LOOK_MS = 1000;
const SILENT_LOOKS = 5;

/**
 * Knows whether a worker consumes. A link that is half open looks well from here until heartbeats are missed, which takes
 * minutes: so the broker is asked something, each second. Looks are counted rather than timed: a busy event loop is no silence.
 */
export class HealthWatch implements Step<ConsumerContext> {
  readonly name = 'health-watch';
  readonly #sources: HealthSources;
  #connection: Connection | undefined;
  #began = false;
  #timer: NodeJS.Timeout | undefined;
  /** The question that waits for its answer. */
  #question: Promise<void> | undefined;
  #missed = 0;

  constructor(sources: HealthSources) {
    this.#sources = sources;
  }

  /** The consumer's last step: it consumes from here on. */
  start({ connection }: ConsumerContext): void {
    this.#began = true;
    this.#connection = connection;
    // Brokers without heartbeats are files and memory: they have no link that could be half open.
    if (connection.kind.supports.heartbeat) this.#timer = setInterval(() => this.#look(connection), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#connection = undefined;
    this.#question = undefined;
    this.#missed = 0;
  }

  lost(): void {
    this.stop();
  }

  /** Whether it has a connection on which it consumes. */
  get online(): boolean {
    return this.#connection?.isOpen === true;
  }

  get health(): Health {
    const { stopping, queues, consumed } = this.#sources;
    if (stopping()) return { status: 'stopping', reason: 'the worker takes no new tasks and finishes those that run' };
    if (!this.#began) return { status: 'starting', reason: 'the worker does not consume yet' };
    if (!this.online) return { status: 'disconnected', reason: 'there is no working connection to the broker: the log says why' };
    if (this.#missed >= SILENT_LOOKS) return { status: 'silent', reason: `the broker has not answered for ${this.#missed} s` };
    const wanted = queues();
    if (wanted.length === 0) return { status: 'unsubscribed', reason: 'no queue is consumed: remote control has cancelled all of them' };
    const delivering = new Set(consumed());
    const missing = wanted.filter((queue) => !delivering.has(queue)).length;
    if (missing > 0) return { status: 'unsubscribed', reason: `${missing} of ${wanted.length} queues are not consumed` };
    return { status: 'ok' };
  }

  #look(connection: Connection): void {
    // A broker that blocks publishers (an alarm of its memory or disk) has said that it will not answer.
    if (connection.isBlocked) this.#missed = 0;
    else if (this.#question !== undefined) this.#missed += 1;
    else this.#ask(connection);
  }

  #ask(connection: Connection): void {
    const question = this.#answered(connection).finally(() => {
      if (this.#question !== question) return;
      this.#question = undefined;
      this.#missed = 0;
    });
    this.#question = question;
  }

  /** Resolves when the broker has answered, whatever: that a queue is gone is an answer too. */
  async #answered(connection: Connection): Promise<void> {
    const [queue] = this.#sources.queues();
    if (queue === undefined) return;
    try {
      const channel = await connection.openChannel();
      await channel.size(queue);
      await channel.close();
    } catch {
      // What is wrong with the queue or the connection shows elsewhere.
    }
  }
}
