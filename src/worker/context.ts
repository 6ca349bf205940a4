import { Abandoned } from './abandoned.ts';
import type { CeleryApp } from '../app/celery.ts';
import type { RetryOptions, TaskContext } from '../app/task.ts';
import type { Logger } from '../base/logger.ts';
import type { EventFields } from '../protocol/event.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Delivery, DeliveryInfo } from '../transport/transport.ts';
import { taskLogger } from './log-lines.ts';
import { retryTask } from './retry.ts';
import type { TaskPlan } from './task-plan.ts';

/** What a context is made of. */
export interface ContextParts {
  readonly app: CeleryApp;
  readonly plan: TaskPlan;
  readonly request: TaskRequest;
  readonly delivery: Delivery;
  readonly hostname: string;
  readonly storeState: (state: string, result: unknown) => Promise<void>;
}

/** A running task's view of itself. Members that cost something are made when first asked for. */
export class RunContext implements TaskContext {
  readonly isEager = false;
  readonly #parts: ContextParts;
  #logger: Logger | undefined;
  #abort: AbortController | undefined;
  #abandoned: Abandoned | undefined;

  constructor(parts: ContextParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.request.id;
  }

  get task(): string {
    return this.#parts.request.task;
  }

  get args(): readonly unknown[] {
    return this.#parts.request.args;
  }

  get kwargs(): Readonly<Record<string, unknown>> {
    return this.#parts.request.kwargs;
  }

  get retries(): number {
    return this.#parts.request.retries;
  }

  get hostname(): string {
    return this.#parts.hostname;
  }

  get request(): TaskRequest {
    return this.#parts.request;
  }

  get deliveryInfo(): DeliveryInfo {
    return this.#parts.delivery.info;
  }

  get replyTo(): string | undefined {
    return this.#parts.delivery.message.properties.replyTo;
  }

  get correlationId(): string | undefined {
    return this.#parts.delivery.message.properties.correlationId;
  }

  get logger(): Logger {
    this.#logger ??= taskLogger(this.#parts.app.logger, this.#parts.request);
    return this.#logger;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** Why `signal` was aborted. */
  get abortReason(): unknown {
    return this.#abort?.signal.reason;
  }

  /** Aborts `signal`, whoever holds it. */
  abort(reason: unknown): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(reason);
  }

  /** Its worker waits for it no longer: aborts `signal`, and lets nothing that its code does reach the run that comes after it. */
  abandon(reason: string): void {
    this.#abandoned = new Abandoned(reason);
    this.abort(this.#abandoned);
  }

  get isAbandoned(): boolean {
    return this.#abandoned !== undefined;
  }

  async retry(options: RetryOptions = {}): Promise<never> {
    this.#checkWanted();
    return retryTask(this.#parts, options, () => this.#checkWanted());
  }

  sendEvent(type: string, fields: EventFields = {}): void {
    const { app, request, hostname } = this.#parts;
    app.sendEvent(type, { uuid: request.id, ...fields }, hostname);
  }

  updateState(state: string, meta: unknown = null): Promise<void> {
    if (this.#abandoned === undefined) return this.#parts.storeState(state, meta);
    const refused = Promise.reject<void>(this.#abandoned);
    // Code that never awaits its progress must not end the process.
    refused.catch(() => undefined);
    return refused;
  }

  #checkWanted(): void {
    if (this.#abandoned !== undefined) throw this.#abandoned;
  }
}
