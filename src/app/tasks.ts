import { nearest } from '../base/nearest.ts';
import type { TaskDefinition, TaskOptions } from './task.ts';

// A record, so that the compiler asks for each option there is.
const OPTIONS: Readonly<Record<keyof TaskOptions, true>> = {
  params: true,
  acksLate: true,
  acksOnFailureOrTimeout: true,
  acksOnFailure: true,
  acksOnTimeout: true,
  rejectOnWorkerLost: true,
  retryOnWorkerLost: true,
  ignoreResult: true,
  storeErrorsEvenIfIgnored: true,
  trackStarted: true,
  sendEvents: true,
  maxRetries: true,
  defaultRetryDelay: true,
  autoretryFor: true,
  dontAutoretryFor: true,
  retryBackoff: true,
  retryBackoffMax: true,
  retryJitter: true,
  retryKwargs: true,
  queue: true,
  exchange: true,
  routingKey: true,
  priority: true,
  expires: true,
  serializer: true,
  compression: true,
  deliveryMode: true,
  timeLimit: true,
  softTimeLimit: true,
  rateLimit: true,
};

/** The tasks an app has, by name. */
export class TaskRegistry {
  readonly #tasks = new Map<string, TaskDefinition>();

  /** Throws `TypeError` for a name that is taken, and for an option that does not exist. */
  register(definition: TaskDefinition): void {
    for (const option in definition.options) {
      if (Object.hasOwn(OPTIONS, option)) continue;
      const near = nearest(option, Object.keys(OPTIONS));
      throw new TypeError(`the task ${definition.name} has no option ${option}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    if (this.#tasks.has(definition.name)) throw new TypeError(`a task called ${definition.name} is registered already`);
    this.#tasks.set(definition.name, definition);
  }

  get(name: string): TaskDefinition | undefined {
    return this.#tasks.get(name);
  }

  names(): string[] {
    return [...this.#tasks.keys()];
  }
}
