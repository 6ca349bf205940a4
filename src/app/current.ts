import { AsyncLocalStorage } from 'node:async_hooks';
import type { ResultTuple } from '../protocol/result.ts';
import type { TaskContext } from './task.ts';

/** The task that runs in this chain of calls, and the tasks it has sent. */
export interface RunningTask {
  readonly context: TaskContext;
  /** Filled by the publisher: `children` of the result. */
  readonly children: ResultTuple[];
}

const running = new AsyncLocalStorage<RunningTask>();

/** Runs a handler so that `currentTask()` and the publisher know whose code it is. */
export function runInTask<T>(task: RunningTask, handler: () => T): T {
  return running.run(task, handler);
}

/** The running task as the publisher needs it. */
export function runningTask(): RunningTask | undefined {
  return running.getStore();
}

/** The context of the running task: what `this` is in a `function` handler, for arrow functions. Throws `Error` outside of a task. */
export function currentTask(): TaskContext {
  const task = running.getStore();
  if (task === undefined) throw new Error('currentTask() was called outside of a running task');
  return task.context;
}
