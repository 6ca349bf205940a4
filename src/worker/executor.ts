import type { SignalName } from '../base/signal-name.ts';
import type { CeleryApp } from '../app/celery.ts';
import { signalNumber } from '../driver/signal-number.ts';
import type { Logger } from '../base/logger.ts';
import { RunContext } from './context.ts';
import { discardRevoked } from './discard.ts';
import type { TaskTimeLimits } from './limits.ts';
import { mayBeDuplicate, storedSuccess } from './duplicates.ts';
import { Losses } from './losses.ts';
import { taskLog } from './log-lines.ts';
import type { Pending, Running } from './pending.ts';
import { finish } from './perform.ts';
import { abandonedEnding } from './pool/lost.ts';
import type { Pool } from './pool/pool.ts';
import { storeState } from './results.ts';
import { settle } from './settle.ts';
import type { WorkerState } from './state.ts';
import { policyFor } from './task-plan.ts';
import { runTraced } from './traced-run.ts';
import { runsAgain } from './trace.ts';
import type { Ending } from './trace.ts';

/** What an executor needs. `onFree` is called whenever a slot comes free. */
export interface ExecutorOptions {
  readonly app: CeleryApp;
  readonly pool: Pool;
  readonly state: WorkerState;
  readonly hostname: string;
  readonly logger: Logger;
  readonly limits: TaskTimeLimits;
  readonly onFree: () => void;
}

/** Tasks of a pool with children whose results may be on their way beside those that run. */
const STORED_BESIDE = 16;

/** Runs tasks in the pool and performs what follows from each run. */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #losses: Losses;
  /** Tasks that were ended by force, each with what is stored about it. */
  readonly #terminated = new Map<Running, Promise<void>>();
  /** Tasks whose code has ended: what follows from that is under way. */
  readonly #over = new Set<Running>();
  /** Tasks that were ended because their channel is gone. */
  readonly #cancelled = new Set<Running>();
  /** Jobs whose code runs. */
  #inPool = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    const { logger, app } = options;
    this.#losses = new Losses({ logger, signals: app.signals, most: app.settings.task_max_deliveries ?? Infinity });
  }

  /** A child takes its next task while the result of its last is stored, within bounds; on the worker's own loop that is one thing. */
  get hasRoom(): boolean {
    const { pool, state } = this.#options;
    if (!pool.isRemote) return state.active.size < pool.size;
    return this.#inPool < pool.size && state.active.size < pool.size * 2 + STORED_BESIDE;
  }

  /** Ids of running tasks whose messages are not acked yet. */
  unackedIds(): string[] {
    const late = [...this.#options.state.active].filter(({ policy }) => policy.acksLate);
    return late.map(({ pending }) => pending.request.id);
  }

  /**
   * Ends a running task by force, where the pool can, and says so at once: REVOKED is stored, whatever its code does from
   * now on. False when its code does not run here. `celery/worker/request.py Request.terminate`.
   */
  terminate(taskId: string, signal: SignalName): boolean {
    const { pool, state, logger } = this.#options;
    // One that was cancelled may be on its way out beside its next run.
    const running = [...state.active].find((one) => one.pending.request.id === taskId && !this.#over.has(one) && !this.#cancelled.has(one));
    if (running === undefined) return false;
    if (!this.#terminated.has(running)) {
      const why = { expired: false, terminated: true, signum: signalNumber(signal) };
      taskLog.terminated(logger, running.pending.request, signal);
      this.#terminated.set(running, discardRevoked(running.pending, why, this.#options));
    }
    // Another signal may end what the first did not.
    pool.terminate(running, signal);
    return true;
  }

  /**
   * Ends late-acked tasks whose channel is gone: the broker delivers them again, here or elsewhere, and nobody could ack what
   * this run has done. `celery/worker/consumer/consumer.py on_connection_error_after_connected`.
   */
  cancelUnacked(): void {
    const { pool, state, logger } = this.#options;
    for (const running of state.active) {
      if (!running.policy.acksLate || this.#over.has(running) || this.#terminated.has(running) || this.#cancelled.has(running)) continue;
      taskLog.cancelled(logger, running.pending.request);
      this.#cancelled.add(running);
      // What has not reached the pool yet will not: `#run` sees to it.
      pool.abandon(running);
    }
  }

  /** Resolves when nothing runs any more. */
  idle(): Promise<void> {
    if (this.#options.state.active.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** Starts a task now; the caller has seen that there is room. Never throws. */
  start(pending: Pending): void {
    const running = this.#prepare(pending);
    this.#options.state.begin(running);
    if (!running.policy.acksLate) settle(pending.delivery, { kind: 'ack' }, this.#options.logger, pending.request.id);
    this.#inPool += 1;
    if (mayBeDuplicate(running, this.#options.app)) void this.#runUnlessDone(running);
    else this.#begin(running);
  }

  #begin(running: Running): void {
    const { pending, policy } = running;
    if (pending.plan.trackStarted && !policy.ignoreResult && !this.#options.pool.isRemote) {
      // STARTED is on its way before the task is, so that it cannot overwrite what the task stores.
      void this.#storeStarted(running).then(() => this.#run(running));
    } else {
      this.#run(running);
    }
  }

  /** A task that has succeeded is not run again; its callbacks are sent, if they were not. */
  async #runUnlessDone(running: Running): Promise<void> {
    const { app, logger } = this.#options;
    const done = await storedSuccess(running, app, logger);
    if (this.#isGivenUp(running)) return this.#run(running);
    if (done === undefined) return this.#begin(running);
    this.#inPool -= 1;
    this.#over.add(running);
    const { request } = running.pending;
    taskLog.duplicate(logger, request);
    const wasSent = (done.children ?? []).length > 0;
    const ending: Ending = wasSent ? { kind: 'ignore' } : { kind: 'success', value: done.result };
    await finish({ ...running, policy: { ...running.policy, ignoreResult: true } }, ending, this.#options);
    this.#done(running, { kind: 'ignore' }, 0);
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

  /** It was ended before its code has begun. */
  #isGivenUp(running: Running): boolean {
    return this.#cancelled.has(running) || this.#terminated.has(running);
  }

  #run(running: Running): void {
    const { app, pool, limits } = this.#options;
    if (this.#isGivenUp(running)) return this.#returned(running, abandonedEnding());
    const { request, plan } = running.pending;
    const work = (): Ending | Promise<Ending> => runTraced(running, running.pending, app);
    const ending = pool.run({ running, limits: limits.of(request, plan), work });
    if (ending instanceof Promise) void ending.then((ended) => this.#returned(running, ended));
    else this.#returned(running, ending);
  }

  /** Its code has ended, or was ended. */
  #returned(running: Running, ending: Ending): void {
    this.#inPool -= 1;
    this.#over.add(running);
    if (ending.kind !== 'failure' || ending.cause === undefined) {
      if (ending.kind !== 'abandoned') this.#losses.forget(running.pending.request.id);
      this.#ended(running, ending);
    } else {
      void this.#losses.judge(running, ending).then((judged) => this.#ended(running, judged));
    }
    if (this.#options.pool.isRemote) this.#options.onFree();
  }

  /** Turns an ending into its effects; at once where nothing needs waiting for. */
  #ended(running: Running, ending: Ending): void {
    const seconds = (performance.now() - running.startedMs) / 1000;
    const cancelled = this.#cancelled.delete(running);
    const terminated = this.#terminated.get(running);
    if (terminated !== undefined) return void terminated.finally(() => this.#forgotten(running, seconds));
    // There is nothing left to settle. One that was faster than its end is done like any other.
    if (cancelled && ending.kind === 'abandoned') return this.#done(running, ending, seconds);
    this.#logEnding(running, ending, seconds);
    const { request, delivery } = running.pending;
    const { policy } = running;
    const { callbacks, chain, chord } = request.embed;
    if (ending.kind === 'success' && policy.ignoreResult && callbacks === null && chain === null && chord === null) {
      if (policy.acksLate) settle(delivery, { kind: 'ack' }, this.#options.logger, request.id);
      return this.#done(running, ending, seconds);
    }
    void this.#finish(running, ending).then((last) => this.#done(running, last, seconds));
  }

  /** What follows from a run is part of its trace. */
  #finish(running: Running, ending: Ending): Promise<Ending> {
    const { tracing } = this.#options.app;
    if (tracing === undefined) return finish(running, ending, this.#options);
    return tracing.within(running.trace ?? running.pending.request.headers, () => finish(running, ending, this.#options));
  }

  /** A task that was ended by force: its ending counts no more. */
  #forgotten(running: Running, seconds: number): void {
    const { delivery, request } = running.pending;
    this.#terminated.delete(running);
    if (running.policy.acksLate) settle(delivery, { kind: 'ack' }, this.#options.logger, request.id);
    this.#done(running, { kind: 'ignore' }, seconds);
  }

  #logEnding(running: Running, ending: Ending, seconds: number): void {
    const { pending, policy } = running;
    const { logger } = this.#options;
    const { request } = pending;
    switch (ending.kind) {
      case 'success':
        return taskLog.succeeded(logger, request, seconds, ending);
      case 'failure':
        // Said already, when its time was up or before it went back.
        if (ending.cause !== 'timeout' && !runsAgain(ending, policy)) taskLog.failed(logger, request, ending.exception, ending.traceback);
        return;
      case 'terminated':
        taskLog.terminated(logger, request, ending.signal);
        return this.#revoked(pending, ending.signal);
      case 'abandoned':
        taskLog.abandoned(logger, request, policy.acksLate);
        // What its code does now counts no more, and so it cannot tell this itself.
        if (!policy.acksLate) this.#losses.tellFailed(running, ending.exception);
        return;
      case 'retry':
        return taskLog.retried(logger, request, ending.message);
      case 'ignore':
        return taskLog.ignored(logger, request);
      case 'reject':
        return taskLog.rejected(logger, request, ending.requeue, ending.message);
    }
  }

  #revoked(pending: Pending, signal: string): void {
    const { app, state } = this.#options;
    const why = { expired: false, terminated: true, signum: signalNumber(signal as SignalName) };
    state.announceRevoked(pending, why);
    if (app.signals.has('task_revoked')) app.signals.send('task_revoked', { request: pending.request, ...why });
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
    this.#over.delete(running);
    state.end(running, ending, seconds);
    if (state.active.size === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
    onFree();
  }
}
