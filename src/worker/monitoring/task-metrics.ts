import type { Page } from '../../base/pages.ts';
import type { TaskRequest } from '../../protocol/task.ts';
import type { Pending, Running } from '../pending.ts';
import type { TaskObserver } from '../state.ts';
import { eventsAtEnd } from '../task-events.ts';
import type { TaskEventType } from '../task-events.ts';
import type { Ending } from '../trace.ts';
import { Counter, EXPOSITION_TYPE, Gauge, Histogram } from './exposition.ts';

/** prometheus_client's default buckets, which are Flower's: seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** What metrics ask of a worker. */
export interface MetricSources {
  readonly hostname: string;
  /** Milliseconds, from anywhere. */
  readonly now: () => number;
  readonly running: () => number;
  /** Whether others hear of the worker: it is connected. */
  readonly online: () => boolean;
}

/**
 * Flower's metrics of one worker, counted by itself: the same names, labels, buckets and moments, so that dashboards made for
 * Flower show it. `flower/events.py PrometheusMetrics`. The label `task` is the name of a registered task, and empty for all
 * others: what strangers send grows no memory.
 */
export class TaskMetrics implements TaskObserver {
  readonly #sources: MetricSources;
  readonly #events = new Counter({ name: 'flower_events_total', help: 'Number of events', labels: ['worker', 'type', 'task'] });
  readonly #runtime = new Histogram({ name: 'flower_task_runtime_seconds', help: 'Task runtime', labels: ['worker', 'task'] }, BUCKETS);
  readonly #prefetchTime = new Gauge({
    name: 'flower_task_prefetch_time_seconds',
    help: 'The time the task spent waiting at the celery worker to be executed.',
    labels: ['worker', 'task'],
  });
  readonly #prefetched = new Gauge({
    name: 'flower_worker_prefetched_tasks',
    help: 'Number of tasks of given type prefetched at a worker',
    labels: ['worker', 'task'],
  });
  readonly #online = new Gauge({ name: 'flower_worker_online', help: 'Worker online status', labels: ['worker'] });
  readonly #executing = new Gauge({
    name: 'flower_worker_number_of_currently_executing_tasks',
    help: 'Number of tasks currently executing at a worker',
    labels: ['worker'],
  });
  /** When each task that waits for a slot was received. One that waits for its time is none of them. */
  readonly #waiting = new WeakMap<Pending, number>();

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  received(pending: Pending): void {
    const { task, eta } = pending.request;
    this.#event('task-received', task);
    if (eta !== undefined) return;
    this.#waiting.set(pending, this.#sources.now());
    this.#prefetched.add(1, this.#sources.hostname, task);
  }

  started({ pending }: Running): void {
    const { task } = pending.request;
    this.#event('task-started', task);
    const since = this.#waiting.get(pending);
    if (since === undefined) return;
    this.#prefetchTime.set((this.#sources.now() - since) / 1000, this.#sources.hostname, task);
    this.#waitsNoMore(pending);
  }

  ended({ pending, policy }: Running, ending: Ending, seconds: number): void {
    const { task, eta } = pending.request;
    for (const type of eventsAtEnd(ending, policy)) {
      this.#event(type, task);
      if (type === 'task-succeeded' && seconds > 0) this.#runtime.observe(seconds, this.#sources.hostname, task);
      if ((type === 'task-succeeded' || type === 'task-failed') && eta === undefined)
        this.#prefetchTime.set(0, this.#sources.hostname, task);
    }
  }

  revoked(pending: Pending): void {
    this.#event('task-revoked', pending.request.task);
    this.#waitsNoMore(pending);
  }

  /** Flower is told of no such thing and goes on counting it. */
  returned(pending: Pending): void {
    this.#waitsNoMore(pending);
  }

  unregistered(_request: TaskRequest): void {
    this.#event('task-failed', '');
  }

  /** Everything as it is now. */
  page(): Page {
    const { hostname, online, running } = this.#sources;
    this.#online.set(online() ? 1 : 0, hostname);
    this.#executing.set(running(), hostname);
    const families = [this.#events, this.#runtime, this.#prefetchTime, this.#prefetched, this.#online, this.#executing];
    return { status: 200, contentType: EXPOSITION_TYPE, body: families.map((family) => family.text()).join('') };
  }

  #event(type: TaskEventType, task: string): void {
    this.#events.increment(this.#sources.hostname, type, task);
  }

  #waitsNoMore(pending: Pending): void {
    if (this.#waiting.delete(pending)) this.#prefetched.add(-1, this.#sources.hostname, pending.request.task);
  }
}
