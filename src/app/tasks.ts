import type { TaskDefinition } from './task.ts';

/** The tasks an app has, by name. */
export class TaskRegistry {
  readonly #tasks = new Map<string, TaskDefinition>();

  /** Throws `TypeError` for a name that is taken. */
  register(definition: TaskDefinition): void {
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
