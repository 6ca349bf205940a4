import { nearest } from '../base/nearest.ts';
import type { TaskDefinition, TaskOptions } from './task.ts';

const OPTIONS: ReadonlySet<string> = new Set<keyof TaskOptions>([
  'params',
  'acksLate',
  'acksOnFailureOrTimeout',
  'rejectOnWorkerLost',
  'ignoreResult',
  'storeErrorsEvenIfIgnored',
  'trackStarted',
  'maxRetries',
  'defaultRetryDelay',
  'autoretryFor',
  'dontAutoretryFor',
  'retryBackoff',
  'retryBackoffMax',
  'retryJitter',
  'retryKwargs',
  'queue',
  'exchange',
  'routingKey',
  'priority',
  'expires',
  'serializer',
]);

/** The tasks an app has, by name. */
export class TaskRegistry {
  readonly #tasks = new Map<string, TaskDefinition>();

  /** Throws `TypeError` for a name that is taken, and for an option that does not exist. */
  register(definition: TaskDefinition): void {
    for (const option in definition.options) {
      if (OPTIONS.has(option)) continue;
      const near = nearest(option, OPTIONS);
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
