import type { AppSignals, Signals } from '../app/signals.ts';
import { Retry } from '../app/exceptions.ts';
import type { Logger } from '../base/logger.ts';
import { messageOf } from '../base/message-of.ts';
import type { ExceptionWire } from '../protocol/result.ts';
import { taskLog } from './log-lines.ts';
import type { Running } from './pending.ts';
import { runsAgain } from './trace.ts';
import type { Ending } from './trace.ts';

type Failure = Extract<Ending, { readonly kind: 'failure' }>;

export interface LossesOptions {
  readonly logger: Logger;
  readonly signals: Signals<AppSignals>;
  /** Runs that may end their child before the task has failed. */
  readonly most: number;
}

/** Ids whose losses are remembered at once. */
const REMEMBERED = 10_000;

/** Before a message goes back, so that one that ends every child does not keep the machine busy. */
const PAUSE_MS = 50;
const PAUSE_MAX_MS = 1000;

/**
 * What becomes of a task whose child was lost or whose time was up: a retry, one more delivery, or a failure. Celery delivers
 * a poisonous message for ever; here it fails after `task_max_deliveries` runs. `celery/worker/request.py on_failure`.
 */
export class Losses {
  readonly #options: LossesOptions;
  readonly #counts = new Map<string, number>();

  constructor(options: LossesOptions) {
    this.#options = options;
  }

  /** The ending to perform instead. Never rejects. */
  async judge(running: Running, ending: Failure): Promise<Ending> {
    const { request, plan } = running.pending;
    if (ending.cause === 'lost' && plan.retryOnWorkerLost) {
      const { cause: _lost, ...failure } = ending;
      const retried = await this.#retry(running, ending);
      if (retried === 'exhausted') return this.#failed(running, failure);
      if (retried !== undefined) return retried;
    }
    if (!runsAgain(ending, running.policy)) return this.#failed(running, ending);
    const runs = this.#count(running);
    if (runs < this.#options.most) {
      taskLog.requeued(this.#options.logger, request, ending.exception, runs);
      await new Promise((resolve) => setTimeout(resolve, Math.min(PAUSE_MS * 2 ** (runs - 1), PAUSE_MAX_MS)));
      return ending;
    }
    this.#counts.delete(request.id);
    taskLog.poisonous(this.#options.logger, request, runs);
    return this.#failed(running, { ...ending, cause: 'poison' });
  }

  /** A run that ended by itself clears its name. */
  forget(id: string): void {
    if (this.#counts.size > 0) this.#counts.delete(id);
  }

  #failed(running: Running, ending: Failure): Failure {
    this.tellFailed(running, ending.exception);
    return ending;
  }

  /** Code that was ended could not tell its listeners: the worker does. */
  tellFailed({ context }: Running, { exc_type: name, exc_message: [message] }: ExceptionWire): void {
    const { signals } = this.#options;
    if (!signals.has('task_failure')) return;
    const exception = Object.assign(new Error(String(message)), { name });
    signals.send('task_failure', { taskId: context.id, context, exception });
  }

  /** `undefined`: the retry could not be sent, and the loss is one like any other. */
  async #retry({ pending, context }: Running, { exception, traceback }: Failure): Promise<Ending | 'exhausted' | undefined> {
    const { request, plan } = pending;
    const { maxRetries = 3 } = plan.definition.options;
    if (maxRetries !== null && request.retries >= maxRetries) return 'exhausted';
    const { logger, signals } = this.#options;
    try {
      return await context.retry();
    } catch (thrown) {
      if (!(thrown instanceof Retry)) {
        logger.error(`Failed to retry task ${request.task}[${request.id}] after worker was lost: ${messageOf(thrown)}`);
        return undefined;
      }
      if (signals.has('task_retry')) signals.send('task_retry', { context, reason: thrown });
      return { kind: 'retry', exception, traceback: traceback ?? '', message: thrown.message };
    }
  }

  /** Runs so far: those seen here, or what a quorum queue has counted. */
  #count({ pending: { request, delivery } }: Running): number {
    const told = delivery.message.headers['x-delivery-count'];
    const runs = Math.max((this.#counts.get(request.id) ?? 0) + 1, typeof told === 'number' ? told + 1 : 0);
    this.#counts.delete(request.id);
    this.#counts.set(request.id, runs);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > REMEMBERED && oldest !== undefined) this.#counts.delete(oldest);
    return runs;
  }
}
