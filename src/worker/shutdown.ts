import type { Settings } from '../app/settings.ts';
import type { Logger } from '../base/logger.ts';
import { messageOf } from '../base/message-of.ts';
import type { Pool } from './pool/pool.ts';

/** Why a worker stops: what listeners of `worker_shutting_down` are told. No signal where the program itself asked. */
export interface Shutdown {
  readonly sig?: string;
  readonly exitCode?: number;
}

/** What a cold shutdown is made of. */
export interface ColdParts {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly settings: Pick<Settings, 'worker_soft_shutdown_timeout' | 'worker_enable_soft_shutdown_on_idle'>;
  readonly running: () => number;
  /** Takes nothing new and gives back what has not started. */
  readonly cancelTasks: () => Promise<void>;
  /** Resolves when no task runs any more. */
  readonly idle: () => Promise<void>;
}

/** How long the messages and states of tasks that were ended may take to be settled and stored. */
const SETTLE_MS = 5000;

/**
 * Ends a worker without waiting for its tasks, after the soft wait where there is one. Late-acked messages go back to the
 * broker; tasks whose messages were acked before fail. `celery/apps/worker.py on_cold_shutdown, wait_for_soft_shutdown`.
 */
export class ColdShutdown {
  readonly #parts: ColdParts;
  readonly #hurry = Promise.withResolvers<void>();
  readonly #givenUp = Promise.withResolvers<void>();

  constructor(parts: ColdParts) {
    this.#parts = parts;
  }

  /** Resolves when no task runs any more, or when a cold shutdown has stopped waiting for the last. */
  over(): Promise<void> {
    return Promise.race([this.#parts.idle(), this.#givenUp.promise]);
  }

  /** Ends the soft wait. */
  hurry(): void {
    this.#hurry.resolve();
  }

  /** Never rejects; bounded in time. */
  async run(): Promise<void> {
    const { pool, logger, cancelTasks } = this.#parts;
    // First: what goes back must not come here again.
    await cancelTasks();
    await this.#soft();
    const timer = setTimeout(this.#givenUp.resolve, SETTLE_MS);
    pool.stop({ graceMs: 0 }).catch((error: unknown) => logger.error(`The pool could not be stopped: ${messageOf(error)}`));
    await this.over();
    clearTimeout(timer);
  }

  async #soft(): Promise<void> {
    const { logger, running, settings } = this.#parts;
    const { worker_soft_shutdown_timeout: seconds, worker_enable_soft_shutdown_on_idle: onIdle } = settings;
    if (seconds === 0 || (running() === 0 && !onIdle)) return;
    logger.warning(`Initiating Soft Shutdown, terminating in ${seconds} seconds`);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, seconds * 1000);
    // Nothing left to wait for: Celery sleeps on.
    await Promise.race(onIdle ? [promise, this.#hurry.promise] : [promise, this.#hurry.promise, this.#parts.idle()]);
    clearTimeout(timer);
  }
}
