import type { CeleryApp } from '../app/celery.ts';
import type { Logger } from '../base/logger.ts';
import { constants } from 'node:os';
import { RunContext } from './context.ts';
import { discardRevoked } from './discard.ts';
import { limitTime } from './limits.ts';
import { taskLog } from './log-lines.ts';
import type { Pending, Running } from './pending.ts';
import { finish } from './perform.ts';
import type { Pool } from './pool/pool.ts';
import { storeState } from './results.ts';
import { runTask } from './run-task.ts';
import { settle } from './settle.ts';
import type { WorkerState } from './state.ts';
import { policyFor } from './task-plan.ts';
import type { Ending } from './trace.ts';

/** What an executor needs. `onFree` is called whenever a slot comes free. */
export interface ExecutorOptions {
  readonly app: CeleryApp;
  readonly pool: Pool;
  readonly state: WorkerState;
  readonly hostname: string;
  readonly logger: Logger;
  readonly onFree: () => void;
}

/** Runs tasks in the pool and performs what follows from each run. */
export class Executor {
  readonly #options: ExecutorOptions;
  /** Tasks that were ended by force, each with what is stored about it. */
  readonly #terminated = new Map<Running, Promise<void>>();
  #idle: (() => void) | undefined;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  get hasRoom(): boolean {
    return this.#options.state.active.size < this.#options.pool.size;
  }

  /** Ids of running tasks whose messages are not acked yet. */
  unackedIds(): string[] {
    const late = [...this.#options.state.active].filter(({ policy }) => policy.acksLate);
    return late.map(({ pending }) => pending.request.id);
  }

  /**
   * Ends a running task by force, where the pool can, and says so at once: REVOKED is stored, whatever its code does from
   * now on. False when it does not run here. `celery/worker/request.py Request.terminate`.
   */
  terminate(taskId: string, signal: NodeJS.Signals): boolean {
    const { pool, state, logger } = this.#options;
    const running = [...state.active].find(({ pending }) => pending.request.id === taskId);
    if (running === undefined || this.#terminated.has(running)) return running !== undefined;
    const why = { expired: false, terminated: true, signum: constants.signals[signal] };
    taskLog.terminated(logger, running.pending.request, signal);
    this.#terminated.set(running, discardRevoked(running.pending, why, this.#options));
    pool.terminate(taskId, signal);
    return true;
  }

  /** Resolves when nothing runs any more. */
  idle(): Promise<void> {
    return this.#options.state.active.size === 0 ? Promise.resolve() : new Promise((resolve) => (this.#idle = resolve));
  }

  /** Starts a task now; the caller has seen that there is room. Never throws. */
  start(pending: Pending): void {
    const running = this.#prepare(pending);
    this.#options.state.begin(running);
    if (!running.policy.acksLate) settle(pending.delivery, { kind: 'ack' }, this.#options.logger, pending.request.id);
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
    const { app, pool } = this.#options;
    const stopClock = limitTime(running.pending.request, running.context);
    const ending = pool.run({ running, work: () => runTask(running, running.pending, app.signals) });
    if (ending instanceof Promise) {
      void ending.then((ended) => {
        stopClock();
        this.#ended(running, ended);
      });
    } else {
      stopClock();
      this.#ended(running, ending);
    }
  }

  /** Turns an ending into its effects; at once where nothing needs waiting for. */
  #ended(running: Running, ending: Ending): void {
    const seconds = (performance.now() - running.startedMs) / 1000;
    const terminated = this.#terminated.get(running);
    if (terminated !== undefined) return void terminated.finally(() => this.#forgotten(running, seconds));
    this.#logEnding(running, ending, seconds);
    const { request, delivery } = running.pending;
    const { policy } = running;
    const { callbacks, chain, chord } = request.embed;
    if (ending.kind === 'success' && policy.ignoreResult && callbacks === null && chain === null && chord === null) {
      if (policy.acksLate) settle(delivery, { kind: 'ack' }, this.#options.logger, request.id);
      return this.#done(running, ending, seconds);
    }
    void finish(running, ending, this.#options).then((last) => this.#done(running, last, seconds));
  }

  /** A task that was ended by force: its ending counts no more. */
  #forgotten(running: Running, seconds: number): void {
    const { delivery, request } = running.pending;
    this.#terminated.delete(running);
    if (running.policy.acksLate) settle(delivery, { kind: 'ack' }, this.#options.logger, request.id);
    this.#done(running, { kind: 'ignore' }, seconds);
  }

  #logEnding({ pending: { request } }: Running, ending: Ending, seconds: number): void {
    const { logger } = this.#options;
    switch (ending.kind) {
      case 'success':
        return taskLog.succeeded(logger, request, seconds, ending.value);
      case 'failure':
        return taskLog.failed(logger, request, ending.exception, ending.traceback);
      case 'retry':
        return taskLog.retried(logger, request, ending.message);
      case 'ignore':
        return taskLog.ignored(logger, request);
      case 'reject':
        return taskLog.rejected(logger, request, ending.requeue, ending.message);
    }
  }

  async #storeStarted({ pending: { delivery, request } }: Running): Promise<void> {
    const { app, hostname, logger } = this.#options;
    const state = { taskId: request.id, status: 'STARTED', result: { pid: app.host.pid, hostname } };
    await storeState(app, state, { delivery, request, hostname }).catch((error: unknown) =>
      logger.error(`STARTED of ${request.id} could not be stored: ${String(error)}`),
    );
  }

  #done(running: Running, ending: Ending, seconds: number): void {
    const { state, onFree } = this.#options;
    state.end(running, ending, seconds);
    if (state.active.size === 0) this.#idle?.();
    onFree();
  }
}
