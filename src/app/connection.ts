import { AppClosedError, ConnectionError } from '../base/errors.ts';
import type { BrokerUrl } from '../base/broker-url.ts';
import type { Host } from '../base/host.ts';
import type { Logger } from '../base/logger.ts';
import type { Connection, Transport } from '../transport/transport.ts';
import type { Settings } from './settings.ts';

/** What a link needs. */
export interface BrokerLinkOptions {
  readonly urls: readonly BrokerUrl[];
  readonly settings: Settings;
  readonly host: Host;
  readonly logger: Logger;
  readonly loadTransport: (scheme: string) => Promise<Transport>;
}

/** kombu waits 2, 4, 6… seconds between attempts, 32 at most. */
const INTERVAL_STEP_MS = 2000;
const INTERVAL_MAX_MS = 32_000;

/** A connection to one of several brokers, opened when needed and opened again when lost. */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  #current: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #next = 0;
  #closed = false;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
  }

  /** The open connection, if there is one. */
  get current(): Connection | undefined {
    return this.#current?.isOpen === true ? this.#current : undefined;
  }

  /** The open connection, or a new one from one attempt a URL. Rejects with `ConnectionError`. */
  open(): Promise<Connection> {
    if (this.#closed) return Promise.reject(new AppClosedError('the app is closed'));
    if (this.#current?.isOpen === true) return Promise.resolve(this.#current);
    this.#opening ??= this.#connectAny().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /**
   * As `open`, again and again with growing pauses and jitter, as `broker_connection_retry` and `…_max_retries` say.
   * Rejects with `ConnectionError` when the retries are used up, and with the signal's reason when it aborts.
   */
  async openWithRetry(signal: AbortSignal, retry = true): Promise<Connection> {
    const { settings, logger } = this.#options;
    const most = settings.broker_connection_max_retries ?? Number.POSITIVE_INFINITY;
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        return await this.open();
      } catch (error) {
        if (!(error instanceof ConnectionError) || !retry || (most > 0 && attempt > most)) throw error;
        const waitMs = Math.min(attempt * INTERVAL_STEP_MS, INTERVAL_MAX_MS) * (0.8 + Math.random() * 0.4);
        const failover = this.#options.urls.length > 1 ? 'Will retry using next failover.' : '';
        logger.error(
          `consumer: ${error.message}. ${failover} Trying again in ${(waitMs / 1000).toFixed(2)} seconds... (${attempt}/${most === Infinity ? '∞' : most})`,
        );
        await pause(waitMs, signal);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    // What is being opened would be left behind.
    await this.#opening?.catch(() => undefined);
    await this.#current?.close();
  }

  /** One attempt for each URL, starting with the one whose turn it is (round-robin). */
  async #connectAny(): Promise<Connection> {
    const { urls } = this.#options;
    let failure: unknown;
    for (let tries = 0; tries < urls.length; tries += 1) {
      const url = urls[this.#next % urls.length];
      if (url === undefined) break;
      try {
        this.#current = await this.#connect(url);
        return this.#current;
      } catch (error) {
        this.#next += 1;
        failure = error;
      }
    }
    throw failure instanceof Error ? failure : new ConnectionError('no broker URL');
  }

  async #connect(url: BrokerUrl): Promise<Connection> {
    const { settings, host, logger, loadTransport } = this.#options;
    const transport = await loadTransport(url.scheme);
    const ssl = settings.broker_use_ssl;
    return transport.connect(ssl === false ? url : { ...url, scheme: url.scheme.replace(/^(amqp|pyamqp)$/, 'amqps') }, {
      host,
      logger,
      connectTimeoutMs: settings.broker_connection_timeout * 1000,
      heartbeatMs: (settings.broker_heartbeat ?? 0) * 1000,
      maxBodyBytes: settings.message_max_bytes,
      transportOptions: typeof ssl === 'object' ? { ...settings.broker_transport_options, ssl } : settings.broker_transport_options,
    });
  }
}

/** Waits, or rejects with the signal's reason when it aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
