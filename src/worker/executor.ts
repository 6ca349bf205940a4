import type { CeleryApp } from '../app/celery.ts';
import { runInTask } from '../app/current.ts';
import { Ignore, Reject, Retry } from '../app/exceptions.ts';
import { BackendUnavailableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { encodeException, encodeTraceback } from '../protocol/failure.ts';
import type { Delivery } from '../transport/transport.ts';
import { bindArguments } from './bind.ts';
import { RunContext } from './context.ts';
import { limitTime } from './limits.ts';
import { taskLog } from './log-lines.ts';
import type { Pending, Running } from './pending.ts';
import type { Outcome, Pool } from './pool/pool.ts';
import { storeState } from './results.ts';
import { automaticRetry } from './retry.ts';
import { policyFor } from './task-plan.ts';
import { conclude } from './trace.ts';
import type { Effect, Ending } from './trace.ts';

/** What an executor needs. `onFree` is called whenever a slot comes free. */
export interface ExecutorOptions {
  readonly app: CeleryApp;
  readonly pool: Pool;
  readonly hostname: string;
  readonly logger: Logger;
  readonly onFree: () => void;
}

/** Runs tasks in the pool and performs what follows from each run. */
export class Executor {
  readonly #options: ExecutorOptions;
  #running = 0;
  #idle: (() => void) | undefined;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  get hasRoom(): boolean {
    return this.#running < this.#options.pool.size;
  }

  get running(): number {
    return this.#running;
  }

  /** Resolves when nothing runs any more. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => (this.#idle = resolve));
  }

  /** Starts a task now; the caller has seen that there is room. Never throws. */
  start(pending: Pending): void {
    this.#running += 1;
    const running = this.#prepare(pending);
    if (!running.policy.acksLate) settle(pending.delivery, { kind: 'ack' }, this.#options.logger);
    if (pending.plan.trackStarted && !running.policy.ignoreResult) {
      // STARTED is on its way before the task is, so that it cannot overwrite what the task stores.
      void this.#storeStarted(running).then(() => this.#run(running));
    } else {
      this.#run(running);
    }
  }

  #prepare(pending: Pending): Running {
    const { app, hostname } = this.#options;
    const { delivery, request, plan } = pending;
    const running: { context?: RunContext } & Omit<Running, 'context'> = {
      pending,
      children: [],
      policy: policyFor(plan, request),
      startedMs: performance.now(),
    };
    const store = (status: string, result: unknown): Promise<void> =>
      storeState(app, { taskId: request.id, status, result }, { delivery, request, hostname });
    running.context = new RunContext({ app, plan, request, delivery, hostname, storeState: store });
    return running as Running;
  }

  #run(running: Running): void {
    const { request, plan, delivery } = running.pending;
    const stopClock = limitTime(request, running.context);
    const work = (): unknown =>
      runInTask(running, () =>
        plan.definition.handler.apply(running.context, [...bindArguments(request.task, plan.parameters, request.args, request.kwargs)]),
      );
    const outcome = this.#options.pool.run({ request, body: delivery.message.body, work });
    if (outcome instanceof Promise) {
      void outcome.then((settled) => {
        stopClock();
        this.#ended(running, settled);
      });
    } else {
      stopClock();
      this.#ended(running, outcome);
    }
  }

  /** Turns an outcome into effects; at once where nothing needs waiting for. */
  #ended(running: Running, outcome: Outcome): void {
    if (outcome.kind === 'returned') {
      const value = outcome.value === undefined ? null : outcome.value;
      taskLog.succeeded(this.#options.logger, running.pending.request, (performance.now() - running.startedMs) / 1000, value);
      const effects = conclude(running.pending.request, { kind: 'success', value }, running.policy);
      if (effects.length === 0) return this.#done();
      if (effects.length === 1 && effects[0]?.kind === 'ack') {
        settle(running.pending.delivery, effects[0], this.#options.logger);
        return this.#done();
      }
      void this.#finish(running, effects).finally(() => this.#done());
    } else {
      void this.#threw(running, outcome.error).finally(() => this.#done());
    }
  }

  async #threw(running: Running, error: unknown): Promise<void> {
    const ending = await this.#endingOf(running, error);
    this.#logEnding(running, ending, error);
    await this.#finish(running, conclude(running.pending.request, ending, running.policy));
  }

  async #endingOf(running: Running, error: unknown): Promise<Ending> {
    if (error instanceof Retry) {
      const { reason } = error;
      return {
        kind: 'retry',
        exception: reason === undefined ? undefined : encodeException(reason),
        traceback: reason === undefined ? undefined : encodeTraceback(reason),
      };
    }
    if (error instanceof Ignore) return { kind: 'ignore' };
    if (error instanceof Reject) {
      const exception = { exc_type: 'Reject', exc_message: [error.message, error.requeue], exc_module: 'celery.exceptions' };
      return { kind: 'reject', requeue: error.requeue, exception, traceback: encodeTraceback(error) };
    }
    const retry = automaticRetry(error, running.pending.request, running.pending.plan.definition.options);
    if (retry === undefined) return { kind: 'failure', exception: encodeException(error), traceback: encodeTraceback(error) };
    return running.context.retry(retry).catch((next: unknown) => {
      // The retries are used up: the error itself comes back and is the end.
      if (next === error) return { kind: 'failure', exception: encodeException(error), traceback: encodeTraceback(error) } as const;
      return this.#endingOf(running, next);
    });
  }

  #logEnding({ pending: { request } }: Running, ending: Ending, error: unknown): void {
    const { logger } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    if (ending.kind === 'failure') taskLog.failed(logger, request, error, ending.traceback);
    else if (ending.kind === 'retry') taskLog.retried(logger, request, error instanceof Retry ? message : `Retry: ${message}`);
    else if (ending.kind === 'ignore') taskLog.ignored(logger, request);
    else if (ending.kind === 'reject') taskLog.rejected(logger, request, ending.requeue);
  }

  /** Performs effects in order. Never rejects: what cannot be done becomes a failure of the task, or a line in the log. */
  async #finish(running: Running, effects: readonly Effect[]): Promise<void> {
    try {
      for (const effect of effects) await this.#perform(running, effect);
    } catch (error) {
      await this.#afterFailedEffect(running, error);
    }
  }

  async #perform(running: Running, effect: Effect): Promise<void> {
    const { app, logger, hostname } = this.#options;
    const { delivery, request } = running.pending;
    switch (effect.kind) {
      case 'publish':
        await runInTask(running, () =>
          app.sendSignature(effect.signature, {
            args: effect.args,
            chain: effect.chain,
            parentId: request.id,
            rootId: request.rootId ?? request.id,
          }),
        );
        return;
      case 'store': {
        const own = effect.taskId === request.id ? { request } : {};
        await storeState(app, effect, { delivery, children: running.children, hostname, ...own });
        return;
      }
      case 'warn':
        logger.error(effect.text);
        return;
      case 'ack':
      case 'reject':
        settle(delivery, effect, logger);
    }
  }

  async #afterFailedEffect(running: Running, error: unknown): Promise<void> {
    const { logger } = this.#options;
    const { request, delivery } = running.pending;
    if (error instanceof BackendUnavailableError) {
      logger.error(`The result of task ${request.task}[${request.id}] could not be stored: ${error.message}`);
      // A late-acked task runs again rather than lose its result.
      if (running.policy.acksLate) settle(delivery, { kind: 'reject', requeue: true }, logger);
      return;
    }
    // The value cannot be serialised, or a callback cannot be sent: the task has failed after all.
    taskLog.failed(logger, request, error, encodeTraceback(error));
    const ending: Ending = { kind: 'failure', exception: encodeException(error), traceback: encodeTraceback(error) };
    const withoutCallbacks = { ...request, embed: { ...request.embed, callbacks: null } };
    for (const effect of conclude(withoutCallbacks, ending, running.policy)) {
      await this.#perform(running, effect).catch((again: unknown) =>
        logger.error(`After a failed task ${request.id}: ${again instanceof Error ? again.message : String(again)}`),
      );
    }
  }

  async #storeStarted({ pending: { delivery, request } }: Running): Promise<void> {
    const { app, hostname, logger } = this.#options;
    const state = { taskId: request.id, status: 'STARTED', result: { pid: app.host.pid, hostname } };
    await storeState(app, state, { delivery, request, hostname }).catch((error: unknown) =>
      logger.error(`STARTED of ${request.id} could not be stored: ${String(error)}`),
    );
  }

  #done(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#idle?.();
    this.#options.onFree();
  }
}

/** Settles a delivery; where its channel is gone the broker has it back already, and that is said. */
export function settle(
  delivery: Delivery,
  effect: { readonly kind: 'ack' } | { readonly kind: 'reject'; readonly requeue: boolean },
  logger: Logger,
): void {
  const settled = effect.kind === 'ack' ? delivery.ack() : delivery.reject({ requeue: effect.requeue });
  settled.catch((error: unknown) => {
    logger.warning(
      `A message could not be ${effect.kind === 'ack' ? 'acked' : 'rejected'} and will be delivered again: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
}
