import { availableParallelism } from 'node:os';
import type { CeleryApp } from '../app/celery.ts';
import { pause } from '../app/connection.ts';
import type { BrokerLink } from '../app/connection.ts';
import { ChannelError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Queue } from '../routing/queue.ts';
import type { Channel } from '../transport/transport.ts';
import { Executor } from './executor.ts';
import { Intake } from './intake.ts';
import { clip } from './log-lines.ts';
import { createPool } from './pool/registry.ts';
import type { PoolName } from './pool/registry.ts';
import { Session } from './session.ts';

/** Options of a worker: Celery's command line in camelCase. */
export interface WorkerOptions {
  /** Tasks at once: 50 for `async`, the number of CPUs else. */
  readonly concurrency?: number;
  readonly pool?: PoolName;
  readonly queues?: readonly string[];
  readonly excludeQueues?: readonly string[];
  /** Node name: `w1@%h`; `%h` host, `%n` name, `%d` domain. A name without `@` is a host: `celery@<it>`. Default `celery@<host>`. */
  readonly hostname?: string;
  /** Messages fetched ahead per slot; 0 is no limit. */
  readonly prefetchMultiplier?: number;
}

/** Tasks that mostly wait share one event loop well. */
const ASYNC_CONCURRENCY = 50;

/** Between a lost channel and the next, with jitter, so that a broker that throws us out is not stormed. */
const REOPEN_PAUSE_MS = 200;
const REOPEN_PAUSE_MAX_MS = 10_000;

/** How long a broker may take to answer a worker that leaves. */
const GOODBYE_MS = 2000;

/** Task ids in one line of the log. */
const LISTED_IDS = 10;

/** Consumes queues and runs the app's tasks until it is stopped. `celery/worker/worker.py`, `celery/worker/consumer`. */
export class Worker {
  readonly hostname: string;
  readonly concurrency: number;
  readonly pool: PoolName;
  readonly queues: readonly Queue[];
  /** Settles when the worker has ended: after `stop()`, or rejected when the broker stays away. */
  readonly done: Promise<void>;
  readonly #app: CeleryApp;
  readonly #logger: Logger;
  readonly #multiplier: number;
  readonly #stopping = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #executor: Executor | undefined;
  #intake: Intake | undefined;
  #link: BrokerLink | undefined;
  #session: Session | undefined;
  #channel: Channel | undefined;
  #stopped: Promise<void> | undefined;

  /** Throws `ImproperlyConfiguredError` for queues that do not exist, `RangeError` for a bad number. */
  constructor(app: CeleryApp, options: WorkerOptions = {}) {
    this.#app = app;
    this.#logger = app.logger;
    this.pool = options.pool ?? app.settings.worker_pool;
    this.concurrency =
      options.concurrency ?? app.settings.worker_concurrency ?? (this.pool === 'async' ? ASYNC_CONCURRENCY : availableParallelism());
    if (!Number.isInteger(this.concurrency) || this.concurrency < 1)
      throw new RangeError('concurrency must be a whole number of 1 or more');
    this.#multiplier = options.prefetchMultiplier ?? app.settings.worker_prefetch_multiplier;
    this.hostname = nodeName(options.hostname, app.host.hostname);
    this.queues = app.consumeQueues(options.queues, options.excludeQueues);
    this.done = this.#ended.promise;
    this.done.catch(() => undefined);
  }

  /** How many tasks run now. */
  get running(): number {
    return this.#executor?.running ?? 0;
  }

  /** Resolves when the worker consumes. Rejects with `ConnectionError` when no broker can be reached within the retries. */
  async start(): Promise<void> {
    if (this.#executor !== undefined) throw new TypeError('this worker was started before');
    const { settings } = this.#app;
    const base = { app: this.#app, hostname: this.hostname, logger: this.#logger };
    this.#intake = new Intake(base);
    this.#executor = new Executor({ ...base, pool: createPool(this.pool, this.concurrency), onFree: () => this.#session?.startReady() });
    this.#link = this.#app.openLink();
    const retry = settings.broker_connection_retry_on_startup ?? settings.broker_connection_retry;
    try {
      await this.#openSession(retry);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      await this.#link.close();
      this.#ended.reject(error);
      throw error;
    }
    this.#logger.info(`${this.hostname} ready.`);
    this.#supervise().catch((error: unknown) => this.#ended.reject(error));
  }

  /** Warm shutdown: nothing new starts, what runs is finished, the rest goes back to the broker. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new Error('the worker is stopping'));
    await within(GOODBYE_MS, this.#session?.stop());
    await this.#executor?.idle();
    await within(GOODBYE_MS, this.#channel?.close());
    await this.#link?.close();
    this.#ended.resolve();
  }

  async #openSession(retry: boolean): Promise<void> {
    if (this.#link === undefined || this.#intake === undefined || this.#executor === undefined) return;
    const connection = await this.#link.openWithRetry(this.#stopping.signal, retry);
    this.#channel = await connection.openChannel();
    const session = new Session({
      app: this.#app,
      channel: this.#channel,
      queues: this.queues,
      concurrency: this.concurrency,
      multiplier: this.#multiplier,
      hostname: this.hostname,
      logger: this.#logger,
      intake: this.#intake,
      executor: this.#executor,
    });
    this.#session = session;
    await session.start();
    if (this.#stopping.signal.aborted) await session.stop();
  }

  /** Opens the next session whenever one is lost, until the worker stops. Rejects when the broker stays away. */
  async #supervise(): Promise<void> {
    for (let failures = 0; !this.#stopping.signal.aborted;) {
      const reason = await this.#channel?.closed;
      if (this.#stopping.signal.aborted) return;
      this.#logger.warning(lossLine(reason, [...(this.#executor?.unackedIds() ?? []), ...(this.#session?.abandon() ?? [])]));
      try {
        await pause(Math.min(REOPEN_PAUSE_MS * 2 ** failures, REOPEN_PAUSE_MAX_MS) * (0.5 + Math.random()), this.#stopping.signal);
        await this.#openSession(this.#app.settings.broker_connection_retry);
        failures = 0;
        this.#logger.info('consumer: connected again');
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        if (this.#channel?.isOpen !== true && this.#link?.current === undefined) throw error;
        // The connection lives but the queues cannot be consumed yet.
        failures += 1;
        await this.#channel?.close();
        this.#logger.error(`consumer: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}

/** What is said of a lost channel: all of the connection, or this channel only because the broker did not like something. */
function lossLine(reason: Error | undefined, unacked: readonly string[]): string {
  if (!(reason instanceof ChannelError))
    return `consumer: Connection to broker lost. Trying to re-establish the connection... (${reason?.message ?? 'closed'})`;
  const more = unacked.length > LISTED_IDS ? ` and ${unacked.length - LISTED_IDS} more` : '';
  const held =
    unacked.length === 0
      ? ''
      : ` Not acknowledged yet: ${unacked
          .slice(0, LISTED_IDS)
          .map((id) => clip(id))
          .join(', ')}${more}.`;
  return `consumer: The broker closed the channel; opening another. ${reason.message}${held}`;
}

/** Waits for a broker that may be frozen, `ms` at most: closing the connection then does what is left. */
async function within(ms: number, promise: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}

/** `celery/utils/nodenames.py host_format, default_nodename`; `%i` is the index of a pool's child, and this is the parent. */
function nodeName(given: string | undefined, host: string): string {
  const [name = host, ...domain] = host.split('.');
  const values: Readonly<Record<string, string>> = { h: host, n: name, d: domain.join('.'), i: '0', I: '', '%': '%' };
  const expanded = (given ?? '%h').replace(/%([hndiI%])/g, (_match, letter: string) => values[letter] ?? '');
  const at = expanded.indexOf('@');
  return `${expanded.slice(0, Math.max(at, 0)) || 'celery'}@${expanded.slice(at + 1) || host}`;
}
