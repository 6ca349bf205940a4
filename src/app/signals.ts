import type { Logger, LogLevel } from '../base/logger.ts';
import { nearest } from '../base/nearest.ts';
import type { Message } from '../message/message.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Address } from '../routing/queue.ts';
import type { TaskContext } from './task.ts';
import { messageOf } from '../base/message-of.ts';

/** What the listeners of each signal are told. Names are Celery's, fields its keyword arguments in camelCase. */
export interface AppSignals {
  /** In the client, before a message is made: `headers` may be changed, and travels. */
  before_task_publish: { readonly request: TaskRequest; readonly headers: Record<string, unknown>; readonly address: Address };
  /** In the client, once the broker has confirmed. */
  after_task_publish: { readonly taskId: string; readonly name: string; readonly address: Address };
  /** In every command of an app, before it begins: its options by their long names. */
  user_preload_options: { readonly options: Readonly<Record<string, unknown>> };
  /** In `tq-bridge worker`. Who listens sets the app's logger: nothing else is set up. `level` and `format` are what was asked for. */
  setup_logging: { readonly level: LogLevel; readonly format: 'text' | 'json'; readonly logfile: string | undefined };
  /** A worker is being made: `app.configure()` here is for this node only. */
  celeryd_init: { readonly hostname: string; readonly options: Readonly<Record<string, unknown>> };
  /** A worker starts; it waits for its listeners. Once for each worker. */
  worker_init: { readonly hostname: string };
  /** Its settings are what they will be; nothing is open yet. It waits for its listeners. */
  celeryd_after_setup: { readonly hostname: string };
  /** It consumes. */
  worker_ready: { readonly hostname: string };
  /** Everything of it has ended; it waits for its listeners. */
  worker_shutdown: { readonly hostname: string };
  /** In the worker, when it was told to stop. `sig` is `SIGTERM` and the like, or nothing where the program itself asked. */
  worker_shutting_down: {
    readonly hostname: string;
    readonly sig: string | undefined;
    readonly how: 'Warm' | 'Cold';
    readonly exitCode: number;
  };
  /** In the worker, when a task has come in. */
  task_received: { readonly request: TaskRequest };
  /** Where the task's code runs, before and after it. */
  task_prerun: { readonly taskId: string; readonly context: TaskContext };
  task_postrun: { readonly taskId: string; readonly context: TaskContext; readonly retval: unknown; readonly state: string };
  task_success: { readonly context: TaskContext; readonly result: unknown };
  task_failure: { readonly taskId: string; readonly context: TaskContext; readonly exception: unknown };
  task_retry: { readonly context: TaskContext; readonly reason: unknown };
  /** In the worker: revoked, expired or terminated. */
  task_revoked: {
    readonly request: TaskRequest;
    readonly terminated: boolean;
    readonly signum: number | undefined;
    readonly expired: boolean;
  };
  /** In each child of a pool, once: before its first task, and before it ends in order. */
  worker_process_init: { readonly pid: number };
  worker_process_shutdown: { readonly pid: number; readonly exitCode: number };
  /** In the worker: no task of that name is registered. */
  task_unknown: { readonly name: string; readonly id: string; readonly message: Message };
  /** In the worker: a message that can never run. */
  task_rejected: { readonly message: Message; readonly reason: string };
  /** In the worker: a task has run, and what follows from that could not be done. */
  task_internal_error: { readonly taskId: string; readonly request: TaskRequest; readonly exception: unknown };
}

// A record, so that the compiler asks for each signal there is.
const NAMES: Readonly<Record<keyof AppSignals, true>> = {
  before_task_publish: true,
  after_task_publish: true,
  user_preload_options: true,
  setup_logging: true,
  celeryd_init: true,
  worker_init: true,
  celeryd_after_setup: true,
  worker_ready: true,
  worker_shutting_down: true,
  worker_shutdown: true,
  task_received: true,
  task_prerun: true,
  task_postrun: true,
  task_success: true,
  task_failure: true,
  task_retry: true,
  task_revoked: true,
  worker_process_init: true,
  worker_process_shutdown: true,
  task_unknown: true,
  task_rejected: true,
  task_internal_error: true,
};

/** The signals of an app. */
export const SIGNAL_NAMES: readonly string[] = Object.keys(NAMES);

/** Anything a listener is told; each signal documents its own fields. */
export type SignalListener<Payload> = (payload: Payload) => unknown;

/**
 * Celery's signals: named moments that users hook into (`celery/signals.py`, `celery/utils/dispatch/signal.py`). Listeners are
 * called in the order they were added, and one that throws or rejects is a line in the log, never more.
 */
export class Signals<Map extends object> {
  readonly #listeners: { [Name in keyof Map]?: SignalListener<Map[Name]>[] } = {};
  readonly #logger: () => Logger;
  readonly #names: readonly string[];

  constructor(logger: () => Logger, names: readonly string[]) {
    this.#logger = logger;
    this.#names = names;
  }

  /** Adds a listener; returns how to take it off again. Throws `TypeError` for a signal that is never sent. */
  on<Name extends keyof Map & string>(name: Name, listener: SignalListener<Map[Name]>): () => void {
    if (!this.#names.includes(name)) {
      const near = nearest(name, this.#names);
      throw new TypeError(`no signal is called ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    this.#listeners[name] = [...(this.#listeners[name] ?? []), listener];
    return () => {
      const left = (this.#listeners[name] ?? []).filter((other) => other !== listener);
      if (left.length > 0) this.#listeners[name] = left;
      else delete this.#listeners[name];
    };
  }

  /** Whether anybody listens: ask before building a payload on the way of every message. */
  has(name: keyof Map): boolean {
    return this.#listeners[name] !== undefined;
  }

  /** Tells every listener; those that are asynchronous go on in the background. */
  send<Name extends keyof Map & string>(name: Name, payload: Map[Name]): void {
    for (const listener of this.#listeners[name] ?? []) void this.#call(name, listener, payload);
  }

  /** As `send`, and resolves when every listener is done: for the moments a worker waits at. */
  async sendAndWait<Name extends keyof Map & string>(name: Name, payload: Map[Name]): Promise<void> {
    for (const listener of this.#listeners[name] ?? []) await this.#call(name, listener, payload);
  }

  #call<Name extends keyof Map & string>(name: Name, listener: SignalListener<Map[Name]>, payload: Map[Name]): Promise<void> | undefined {
    const failed = (error: unknown): void => this.#logger().error(`A listener of the signal ${name} failed: ${messageOf(error)}`);
    try {
      const result = listener(payload);
      return result instanceof Promise ? result.then(() => undefined, failed) : undefined;
    } catch (error) {
      failed(error);
      return undefined;
    }
  }
}
