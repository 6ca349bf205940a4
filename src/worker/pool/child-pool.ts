import type { SignalName } from '../../base/signal-name.ts';
import { availableParallelism } from 'node:os';
import { ImproperlyConfiguredError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Serializer } from '../../message/serializer.ts';
import { limitTime } from '../limits.ts';
import { taskLog } from '../log-lines.ts';
import type { Running } from '../pending.ts';
import type { Ending } from '../trace.ts';
import type { StartChild } from './child.ts';
import { checkSize } from './in-process.ts';
import { abandonedEnding } from './lost.ts';
import { fatedEnding, PoolChild } from './pool-child.ts';
import type { Fate, Task, Unasked } from './pool-child.ts';
import type { Job, Pool } from './pool.ts';
import type { Boot } from './wire.ts';

/** What a pool of children is made of. */
export interface ChildPoolOptions {
  readonly name: string;
  readonly size: number;
  readonly start: StartChild;
  readonly boot: Boot;
  readonly aliveTimeoutMs: number;
  readonly maxTasksPerChild: number | undefined;
  readonly maxMemoryPerChildKib: number | undefined;
  readonly logger: Logger;
  /** What values cross in. */
  readonly json: Serializer;
}

/** Between attempts to start children that do not come up. */
const RESTART_PAUSE_MS = 500;
const RESTART_PAUSE_MAX_MS = 10_000;

/** Runs tasks in children, one at a time in each, and replaces those that are lost. `celery/concurrency/prefork.py`. */
export class ChildPool implements Pool {
  readonly name: string;
  readonly isRemote = true;
  readonly #options: ChildPoolOptions;
  readonly #children = new Set<PoolChild>();
  /** On their way out: no longer counted. */
  readonly #leaving = new Set<PoolChild>();
  #waiting: Task[] = [];
  #size: number;
  #jobs = 0;
  #failures = 0;
  #restart: NodeJS.Timeout | undefined;
  #restartAt = 0;
  readonly #started = Promise.withResolvers<void>();
  #state: 'starting' | 'running' | 'stopped' = 'starting';
  #onEmpty: (() => void) | undefined;

  constructor(options: ChildPoolOptions) {
    this.#options = options;
    this.name = options.name;
    this.#size = options.size;
    this.#started.promise.catch(() => undefined);
  }

  get size(): number {
    return this.#size;
  }

  start(): Promise<void> {
    this.#fill();
    return this.#started.promise;
  }

  run({ running, limits }: Job): Ending | Promise<Ending> {
    if (this.#state === 'stopped') return abandonedEnding();
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.#jobs += 1;
    let stopClock = (): void => undefined;
    const end = (ending: Ending): void => {
      stopClock();
      resolve(ending);
    };
    const begin = (): void => {
      stopClock = limitTime(limits, {
        soft: (seconds) => {
          taskLog.softLimit(this.#options.logger, running.pending.request, seconds);
          this.#childOf(task)?.abort(seconds);
        },
        hard: (seconds) => {
          taskLog.hardLimit(this.#options.logger, running.pending.request, seconds);
          this.#end(task, { kind: 'overdue', seconds }, 'SIGKILL');
        },
      });
    };
    const task: Task = { number: this.#jobs, running, begin, end, fate: undefined };
    const idle = [...this.#children].find((child) => child.isIdle);
    if (idle === undefined) this.#waiting.push(task);
    else idle.run(task);
    return promise;
  }

  terminate(running: Running, signal: SignalName): boolean {
    return this.#endRunning(running, { kind: 'terminated', signal }, signal);
  }

  abandon(running: Running): boolean {
    return this.#endRunning(running, { kind: 'abandoned' }, 'SIGKILL');
  }

  async resize(size: number): Promise<void> {
    checkSize(size);
    this.#size = size;
    for (const child of this.#children) if (child.isIdle && this.#children.size > size) this.#retire(child);
    this.#fill();
  }

  async restart(): Promise<void> {
    for (const child of this.#children) {
      if (child.isIdle) this.#retire(child);
      else if (!child.isStarting) child.done = Infinity;
    }
    this.#fill();
  }

  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#restart);
    this.#started.reject(new Error('the pool was stopped'));
    // No child comes any more that could take them.
    for (const task of this.#waiting.splice(0)) task.end(abandonedEnding());
    for (const child of this.#children) {
      if (child.isIdle) this.#retire(child);
      else if (child.isStarting) child.kill('SIGKILL', true);
    }
    if (this.#children.size + this.#leaving.size === 0) return;
    const killer = setTimeout(() => {
      for (const child of [...this.#children, ...this.#leaving]) child.kill('SIGKILL', true);
    }, graceMs);
    await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    clearTimeout(killer);
  }

  info(): Readonly<Record<string, unknown>> {
    const { maxTasksPerChild } = this.#options;
    return {
      implementation: `tq-bridge:${this.name}`,
      'max-concurrency': this.size,
      processes: [...this.#children].map(({ pid }) => pid),
      'max-tasks-per-child': maxTasksPerChild ?? 'N/A',
      'put-guarded-by-semaphore': true,
    };
  }

  #childOf(task: Task): PoolChild | undefined {
    return [...this.#children].find((child) => child.task === task);
  }

  #endRunning(running: Running, fate: Fate, signal: SignalName): boolean {
    const tasks = [...this.#waiting, ...[...this.#children].map(({ task }) => task)];
    const task = tasks.find((one) => one?.running === running);
    if (task !== undefined) this.#end(task, fate, signal);
    return task !== undefined;
  }

  #end(task: Task, fate: Fate, signal: SignalName): void {
    // A task whose message is the broker's again has no other end.
    if (task.fate?.kind !== 'abandoned') task.fate = fate;
    const child = this.#childOf(task);
    if (child !== undefined) return child.kill(signal);
    this.#waiting = this.#waiting.filter((other) => other !== task);
    task.end(fatedEnding(fate));
  }

  /** Starts what is missing, as many at a time as there are processors: each must load the app in time. */
  #fill(): void {
    if (this.#state === 'stopped' || this.#restart !== undefined) return;
    const starting = [...this.#children].filter((child) => child.isStarting).length;
    const missing = Math.min(this.#size - this.#children.size, availableParallelism() - starting);
    for (let index = 0; index < missing; index += 1) {
      const { start, boot, aliveTimeoutMs, logger, json } = this.#options;
      this.#children.add(
        new PoolChild({
          start,
          boot,
          aliveTimeoutMs,
          logger,
          json,
          onIdle: (child) => this.#idle(child),
          onGone: (child, unasked) => this.#gone(child, unasked),
        }),
      );
    }
  }

  #idle(child: PoolChild): void {
    if (child.done === 0) this.#up();
    if (this.#state === 'stopped' || this.#children.size > this.#size || this.#isWornOut(child)) {
      this.#retire(child);
      return this.#fill();
    }
    const next = this.#waiting.shift();
    if (next !== undefined) child.run(next);
  }

  /** A child has come up. */
  #up(): void {
    this.#failures = 0;
    this.#fill();
    if (this.#state !== 'starting' || [...this.#children].some((child) => child.isStarting)) return;
    this.#state = 'running';
    this.#started.resolve();
  }

  #isWornOut({ done, rss, pid }: PoolChild): boolean {
    const { maxTasksPerChild, maxMemoryPerChildKib, logger } = this.#options;
    if (done >= (maxTasksPerChild ?? Infinity) || done === Infinity) return true;
    const kib = Math.ceil(rss / 1024);
    if (kib <= (maxMemoryPerChildKib ?? Infinity)) return false;
    logger.warning(`child process ${pid} exiting after exceeding memory limit (${kib}KiB / ${maxMemoryPerChildKib}KiB)`);
    return true;
  }

  #retire(child: PoolChild): void {
    this.#children.delete(child);
    this.#leaving.add(child);
    child.leave();
  }

  #gone(child: PoolChild, unasked: Unasked | undefined): void {
    this.#leaving.delete(child);
    this.#children.delete(child);
    if (unasked !== undefined && this.#state !== 'stopped') {
      if (unasked.while === 'starting') this.#failedToStart(unasked.reason, child.timedOut);
      else this.#diedIdle(child, unasked.reason);
    }
    this.#fill();
    if (this.#children.size + this.#leaving.size === 0) this.#onEmpty?.();
  }

  #failedToStart(reason: string, timedOut: boolean): void {
    this.#failures += 1;
    const text = `A child of the pool could not be started: ${reason}`;
    if (this.#state === 'starting' && !timedOut) this.#started.reject(new ImproperlyConfiguredError(text));
    this.#options.logger.error(text);
    this.#fillAfter(Math.min(RESTART_PAUSE_MS * 2 ** (this.#failures - 1), RESTART_PAUSE_MAX_MS));
  }

  /** Something in the app ends its children beside its tasks: that may go on, and each start costs as much as the last. */
  #diedIdle({ pid }: PoolChild, reason: string): void {
    this.#options.logger.error(`A child of the ${this.name} pool (pid ${pid}) died without a task: ${reason}; another takes its place`);
    this.#fillAfter(RESTART_PAUSE_MS);
  }

  /** Of two pauses the one that ends later counts. */
  #fillAfter(pauseMs: number): void {
    const at = performance.now() + pauseMs;
    if (this.#restart !== undefined && this.#restartAt >= at) return;
    clearTimeout(this.#restart);
    this.#restartAt = at;
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      this.#fill();
    }, pauseMs);
  }
}
