import type { EpochMs } from '../base/host.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Pending, Running } from './pending.ts';
import { Revocations } from './revocations.ts';
import type { Ending } from './trace.ts';

/** A task that waits for its time. */
export interface Scheduled {
  readonly eta: EpochMs;
  readonly pending: Pending;
}

/** Why a task was thrown away before it ran, or ended by force. */
export interface Revocation {
  readonly expired: boolean;
  readonly terminated: boolean;
  readonly signum: number | undefined;
}

/**
 * What wants to hear of each task in the worker's own process: events, metrics. Called on the way of every message: an
 * observer is quick and does not throw. Users have `app.signals` instead.
 */
export interface TaskObserver {
  received?(pending: Pending): void;
  started?(running: Running): void;
  /** Everything that follows from the ending was done. `seconds` is how long the code ran. */
  ended?(running: Running, ending: Ending, seconds: number): void;
  revoked?(pending: Pending, why: Revocation): void;
  /** It was received and has not started: the broker has it again. */
  returned?(pending: Pending): void;
  /** No task of that name is registered. */
  unregistered?(request: TaskRequest): void;
}

/** What a worker has in hand and has done: what remote control shows and events count. `celery/worker/state.py`. */
export class WorkerState {
  /** Running now. */
  readonly active: Set<Running> = new Set();
  /** How many were started since the worker began, by task name; Celery's `total_count`. */
  readonly totals: Map<string, number> = new Map();
  readonly startedAt: EpochMs;
  /** Ids and stamps of tasks that must not run. */
  readonly revoked: Revocations;
  /** Received, waiting for a slot. */
  reserved: () => readonly Pending[] = () => [];
  /** Received, waiting for their time. */
  scheduled: () => readonly Scheduled[] = () => [];
  readonly #observers: TaskObserver[] = [];
  #processed = 0;

  constructor(startedAt: EpochMs, revoked: Revocations = new Revocations()) {
    this.startedAt = startedAt;
    this.revoked = revoked;
  }

  /** How many tasks were started. */
  get processed(): number {
    return this.#processed;
  }

  /** Adds an observer; returns how to take it off again. */
  observe(observer: TaskObserver): () => void {
    this.#observers.push(observer);
    return () => void this.#observers.splice(this.#observers.indexOf(observer), 1);
  }

  received(pending: Pending): void {
    for (const observer of this.#observers) observer.received?.(pending);
  }

  begin(running: Running): void {
    const { task } = running.pending.request;
    this.totals.set(task, (this.totals.get(task) ?? 0) + 1);
    this.active.add(running);
    this.#processed += 1;
    for (const observer of this.#observers) observer.started?.(running);
  }

  end(running: Running, ending: Ending, seconds: number): void {
    this.active.delete(running);
    for (const observer of this.#observers) observer.ended?.(running, ending, seconds);
  }

  announceRevoked(pending: Pending, why: Revocation): void {
    for (const observer of this.#observers) observer.revoked?.(pending, why);
  }

  returned(pending: Pending): void {
    for (const observer of this.#observers) observer.returned?.(pending);
  }

  unregistered(request: TaskRequest): void {
    for (const observer of this.#observers) observer.unregistered?.(request);
  }
}
