import { pause } from '../app/connection.ts';
import type { BrokerLink } from '../app/connection.ts';
import { ChannelError } from '../base/errors.ts';
import type { Connection } from '../transport/transport.ts';
import { clip } from './log-lines.ts';
import type { Step, StepList } from './steps.ts';
import type { Worker } from './worker.ts';
import { messageOf } from '../base/message-of.ts';

/** What the steps of a consumer see: a live connection, and the worker they belong to. */
export interface ConsumerContext {
  readonly worker: Worker;
  readonly connection: Connection;
  /** Ends this connection's steps: the channel of one is gone. The consumer opens the next. */
  readonly failed: (reason: Error | undefined) => void;
}

/** Between a lost connection and the next, with jitter, so that a broker that throws us out is not stormed. */
const REOPEN_PAUSE_MS = 200;
const REOPEN_PAUSE_MAX_MS = 10_000;

/** How long a broker may take to answer a worker that leaves. */
const GOODBYE_MS = 2000;

/** Task ids in one line of the log. */
const LISTED_IDS = 10;

/** What the consumer step is made of. */
export interface ConsumerParts {
  readonly steps: StepList<ConsumerContext>;
  /** Ids of tasks that were received and whose messages are not acked yet. */
  readonly unackedIds: () => readonly string[];
  /** The channel of the tasks is gone, and the next is not there yet. */
  readonly onLost: () => void;
  /** Takes no new tasks. */
  readonly cancelTasks: () => Promise<void>;
  /** Resolves when no task runs any more, or none is waited for. */
  readonly idle: () => Promise<void>;
  /** The broker stays away, for good. */
  readonly onGone: (error: unknown) => void;
}

/**
 * Keeps a worker connected: opens a connection, starts the consumer's steps on it, and does so again whenever it is lost.
 * `celery/worker/consumer/consumer.py`.
 */
export class ConsumerStep implements Step<Worker> {
  readonly name = 'consumer';
  readonly #parts: ConsumerParts;
  readonly #stopping = new AbortController();
  #link: BrokerLink | undefined;
  #closing: Promise<void> | undefined;
  #context: ConsumerContext | undefined;
  #cancelled: Promise<void> | undefined;
  #lost = Promise.withResolvers<Error | undefined>();

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
  }

  /** Rejects with `ConnectionError` when the retries are used up. */
  async start(worker: Worker): Promise<void> {
    const { settings } = worker.app;
    this.#link = worker.app.openLink();
    try {
      const retry = settings.broker_connection_retry_on_startup ?? settings.broker_connection_retry;
      await this.#use(worker, await this.#link.openWithRetry(this.#stopping.signal, retry));
    } catch (error) {
      await this.#link.close();
      throw error;
    }
    this.#supervise(worker, this.#link).catch(this.#parts.onGone);
  }

  /** Takes nothing new, waits for what runs with every other step alive, then stops the steps and disconnects. */
  async stop(): Promise<void> {
    await this.cancel();
    await this.#parts.idle();
    await within(GOODBYE_MS, this.#drop());
    // Other steps have connections too: a broker that does not answer is waited for once.
    this.#closing = this.#link?.close();
  }

  /** Resolves when a stopped consumer has disconnected. */
  async closed(): Promise<void> {
    await this.#closing;
  }

  /** Takes nothing new, and gives back what has not started. Resolves when the broker knows, or does not answer. */
  cancel(): Promise<void> {
    this.#stopping.abort(new Error('the worker is stopping'));
    this.#cancelled ??= within(GOODBYE_MS, this.#parts.cancelTasks());
    return this.#cancelled;
  }

  /** Opens the next connection whenever one is lost, until the worker stops. Rejects when the broker stays away. */
  async #supervise(worker: Worker, link: BrokerLink): Promise<void> {
    const { signal } = this.#stopping;
    const { logger } = worker;
    for (let failures = 0; ;) {
      const reason = await this.#lost.promise;
      if (signal.aborted) return;
      logger.warning(lossLine(reason, this.#parts.unackedIds()));
      await this.#drop();
      this.#parts.onLost();
      const connection = await this.#reopen(worker, link, failures);
      if (connection === undefined) return;
      try {
        await this.#use(worker, connection);
        failures = 0;
        logger.info('consumer: connected again');
      } catch (error) {
        if (signal.aborted) return;
        // Something cannot be consumed yet, or the connection is lost again.
        failures += 1;
        logger.error(`consumer: ${messageOf(error)}`);
        this.#lost.resolve(undefined);
      }
    }
  }

  /** The next connection, after a pause; `undefined` when the worker stops meanwhile. Rejects when the broker stays away. */
  async #reopen(worker: Worker, link: BrokerLink, failures: number): Promise<Connection | undefined> {
    const { signal } = this.#stopping;
    try {
      await pause(Math.min(REOPEN_PAUSE_MS * 2 ** failures, REOPEN_PAUSE_MAX_MS) * (0.5 + Math.random()), signal);
      return await link.openWithRetry(signal, worker.app.settings.broker_connection_retry);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  async #use(worker: Worker, connection: Connection): Promise<void> {
    const lost = Promise.withResolvers<Error | undefined>();
    this.#lost = lost;
    void connection.closed.then(lost.resolve);
    this.#context = { worker, connection, failed: lost.resolve };
    await this.#parts.steps.start(this.#context);
    if (this.#stopping.signal.aborted) await this.#drop();
  }

  /** Ends the steps of a connection that is gone, or of one that lives while a channel on it has died. */
  async #drop(): Promise<void> {
    const context = this.#context;
    this.#context = undefined;
    if (context === undefined) return;
    if (!context.connection.isOpen) return this.#parts.steps.lost(context);
    try {
      await this.#parts.steps.stop(context);
    } catch (error) {
      // A connection that was lost meanwhile cannot be told goodbye: that it is lost is said elsewhere.
      if (context.connection.isOpen) context.worker.logger.warning(`consumer: a step did not stop: ${messageOf(error)}`);
    }
  }
}

/** What is said of a lost channel: all of the connection, or this channel only because the broker did not like something. */
function lossLine(reason: Error | undefined, unacked: readonly string[]): string {
  if (!(reason instanceof ChannelError))
    return `consumer: Connection to broker lost. Trying to re-establish the connection... (${reason?.message ?? 'closed'})`;
  const more = unacked.length > LISTED_IDS ? ` and ${unacked.length - LISTED_IDS} more` : '';
  const listed = unacked.slice(0, LISTED_IDS).map((id) => clip(id));
  const held = listed.length === 0 ? '' : ` Not acknowledged yet: ${listed.join(', ')}${more}.`;
  return `consumer: The broker closed the channel; opening another. ${reason.message}${held}`;
}

/** Waits for a broker that may be frozen, `ms` at most: closing the connection then does what is left. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
