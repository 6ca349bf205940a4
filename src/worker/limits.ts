import type { TaskRequest } from '../protocol/task.ts';
import type { TaskPlan } from './task-plan.ts';

/** What a task's signal is aborted with at its soft time limit. `billiard.exceptions.SoftTimeLimitExceeded`. */
export class SoftTimeLimitExceeded extends Error {
  readonly excType = 'SoftTimeLimitExceeded';
  readonly excModule = 'billiard.exceptions';
  readonly excMessage: readonly unknown[] = [];

  constructor(seconds: number) {
    super(`the soft time limit of ${seconds} s is over`);
    this.name = 'SoftTimeLimitExceeded';
  }
}

/** How a task ends at its hard time limit. `billiard.exceptions.TimeLimitExceeded`. */
export class TimeLimitExceeded extends Error {
  readonly excType = 'TimeLimitExceeded';
  readonly excModule = 'billiard.exceptions';
  readonly excMessage: readonly unknown[];

  constructor(seconds: number) {
    super(`the time limit of ${seconds} s is over`);
    this.name = 'TimeLimitExceeded';
    this.excMessage = [seconds];
  }
}

/** Seconds; `undefined` is none. */
export interface TimeLimits {
  readonly soft: number | undefined;
  readonly hard: number | undefined;
}

/** What remote control has set for tasks of one name. `null` is none. */
interface Override {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** Time limits of a worker's tasks: the message's own, else the task's or what remote control made of them, else the worker's. */
export class TaskTimeLimits {
  readonly #worker: TimeLimits;
  readonly #overrides = new Map<string, Override>();

  constructor(worker: TimeLimits) {
    this.#worker = worker;
  }

  /** Control's `time_limit`: both are set, and `null` takes one away. Counts for tasks that start from now on. */
  set(task: string, limits: Override): void {
    this.#overrides.set(task, limits);
  }

  /** A soft limit that is not below the hard one never comes. Zero is none, as in Celery. */
  of(request: TaskRequest, plan: TaskPlan): TimeLimits {
    const own = this.#overrides.get(request.task) ?? plan.limits;
    const hard = request.timeLimit || own.hard || this.#worker.hard || undefined;
    const soft = request.softTimeLimit || own.soft || this.#worker.soft || undefined;
    return { hard, soft: soft !== undefined && hard !== undefined && soft >= hard ? undefined : soft };
  }
}

const nothing = (): void => undefined;

/** setTimeout counts in 31 bits: no task runs longer than that. */
const LONGEST_MS = 2 ** 31 - 1;

/** Calls back at each limit; returns how to stop the clock. */
export function limitTime(
  { soft, hard }: TimeLimits,
  over: { readonly soft: (seconds: number) => void; readonly hard: (seconds: number) => void },
): () => void {
  if (soft === undefined && hard === undefined) return nothing;
  const timers = [startTimer(soft, over.soft), startTimer(hard, over.hard)];
  return () => timers.forEach((timer) => clearTimeout(timer));
}

function startTimer(seconds: number | undefined, onOver: (seconds: number) => void): NodeJS.Timeout | undefined {
  if (seconds === undefined || seconds * 1000 > LONGEST_MS) return undefined;
  return setTimeout(() => onOver(seconds), seconds * 1000);
}
