import type { CeleryApp } from '../app/celery.ts';
import { runInTask } from '../app/current.ts';
import { Ignore, Reject, Retry } from '../app/exceptions.ts';
import type { Logger } from '../base/logger.ts';
import { encodeException, encodeTraceback } from '../protocol/failure.ts';
import { automaticRetry } from './autoretry.ts';
import { bindArguments } from './bind.ts';
import { RunContext } from './context.ts';
import { limitTime } from './limits.ts';
import { messageOf, taskLog } from './log-lines.ts';
import type { Pending, Running } from './pending.ts';
import { finish } from './perform.ts';
import type { Outcome, Pool } from './pool/pool.ts';
import { storeState } from './results.ts';
import { settle } from './settle.ts';
import { policyFor } from './task-plan.ts';
import { readable } from './thrown.ts';
import type { Ending } from './trace.ts';

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
  readonly #late = new Set<Running>();
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

  /** Ids of running tasks whose messages are not acked yet. */
  unackedIds(): string[] {
    return [...this.#late].map(({ pending }) => pending.request.id);
  }

  /** Resolves when nothing runs any more. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => (this.#idle = resolve));
  }

  /** Starts a task now; the caller has seen that there is room. Never throws. */
  start(pending: Pending): void {
    this.#running += 1;
    const running = this.#prepare(pending);
    if (running.policy.acksLate) this.#late.add(running);
    else settle(pending.delivery, { kind: 'ack' }, this.#options.logger, pending.request.id);
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
        Reflect.apply(plan.definition.handler, running.context, bindArguments(request.task, plan.parameters, request.args, request.kwargs)),
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
    if (outcome.kind === 'threw') {
      void this.#threw(running, readable(outcome.error)).finally(() => this.#done(running));
      return;
    }
    const { request, delivery } = running.pending;
    const value = outcome.value === undefined ? null : outcome.value;
    taskLog.succeeded(this.#options.logger, request, (performance.now() - running.startedMs) / 1000, value);
    const { policy } = running;
    const { callbacks, chain, chord } = request.embed;
    if (policy.ignoreResult && callbacks === null && chain === null && chord === null) {
      if (policy.acksLate) settle(delivery, { kind: 'ack' }, this.#options.logger, request.id);
      return this.#done(running);
    }
    void finish(running, { kind: 'success', value }, this.#options).finally(() => this.#done(running));
  }

  async #threw(running: Running, error: unknown): Promise<void> {
    const ending = await this.#endingOf(running, error);
    this.#logEnding(running, ending, error);
    await finish(running, ending, this.#options);
  }

  async #endingOf(running: Running, error: unknown): Promise<Ending> {
    if (error instanceof Retry) {
      const { reason } = error;
      const exception = reason === undefined ? undefined : encodeException(readable(reason));
      return { kind: 'retry', exception, traceback: encodeTraceback(error) };
    }
    if (error instanceof Ignore) return { kind: 'ignore' };
    if (error instanceof Reject) {
      const exception = { exc_type: 'Reject', exc_message: [error.message, error.requeue], exc_module: 'celery.exceptions' };
      return { kind: 'reject', requeue: error.requeue, exception, traceback: encodeTraceback(error) };
    }
    const retry = automaticRetry(error, running.pending.request, running.pending.plan.definition.options);
    if (retry === undefined) return failureOf(error);
    return runInTask(running, () => running.context.retry(retry)).catch((next: unknown) =>
      // The retries are used up: the error itself comes back and is the end.
      next === error ? failureOf(error) : this.#endingOf(running, readable(next)),
    );
  }

  #logEnding({ pending: { request } }: Running, ending: Ending, error: unknown): void {
    const { logger } = this.#options;
    if (ending.kind === 'failure') taskLog.failed(logger, request, error, ending.traceback);
    else if (ending.kind === 'retry')
      taskLog.retried(logger, request, error instanceof Retry ? error.message : `Retry: ${messageOf(error)}`);
    else if (ending.kind === 'ignore') taskLog.ignored(logger, request);
    else if (ending.kind === 'reject') taskLog.rejected(logger, request, ending.requeue, messageOf(error));
  }

  async #storeStarted({ pending: { delivery, request } }: Running): Promise<void> {
    const { app, hostname, logger } = this.#options;
    const state = { taskId: request.id, status: 'STARTED', result: { pid: app.host.pid, hostname } };
    await storeState(app, state, { delivery, request, hostname }).catch((error: unknown) =>
      logger.error(`STARTED of ${request.id} could not be stored: ${String(error)}`),
    );
  }

  #done(running: Running): void {
    this.#running -= 1;
    this.#late.delete(running);
    if (this.#running === 0) this.#idle?.();
    this.#options.onFree();
  }
}

function failureOf(error: unknown): Ending {
  return { kind: 'failure', exception: encodeException(error), traceback: encodeTraceback(error) };
}
