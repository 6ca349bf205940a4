import type { SignalName } from '../../base/signal-name.ts';
import type { Logger } from '../../base/logger.ts';
import type { Serializer } from '../../message/serializer.ts';
import type { Running } from '../pending.ts';
import { failureOf } from '../run-task.ts';
import type { Ending } from '../trace.ts';
import type { Child, Exit, StartChild } from './child.ts';
import { abandonedEnding, lostEnding, overdueEnding } from './lost.ts';
import { unpackEnding } from './packing.ts';
import type { Boot, EndingWire, FromChild } from './wire.ts';

/** A job on its way through a pool of children. */
export interface Task {
  readonly number: number;
  readonly running: Running;
  /** A child has it: its time begins. */
  readonly begin: () => void;
  readonly end: (ending: Ending) => void;
  /** Why its child is being ended, when it is because of this task. */
  fate: Fate | undefined;
}

/** How a task ends that its child is ended for. */
export type Fate =
  | { readonly kind: 'overdue'; readonly seconds: number }
  | { readonly kind: 'terminated'; readonly signal: SignalName }
  | { readonly kind: 'abandoned' };

/** What a child is made of. Each callback names the child. */
export interface ChildParts {
  readonly start: StartChild;
  readonly boot: Boot;
  readonly aliveTimeoutMs: number;
  readonly logger: Logger;
  /** The app's JSON, with the types its user has registered. */
  readonly json: Serializer;
  /** It waits for a job: loaded, or done with its last one. */
  readonly onIdle: (child: PoolChild) => void;
  /** It is gone; `unasked` where nothing and nobody made it go while it had no job, and why. */
  readonly onGone: (child: PoolChild, unasked: Unasked | undefined) => void;
}

/** The end of a child without a job: it never came to be, or died later. */
export interface Unasked {
  readonly while: 'starting' | 'idle';
  readonly reason: string;
}

/** How long a child may take to leave in order. */
const LEAVE_MS = 5000;

/** One child of a pool from its start to its end, and the one job it may have: Celery's fair distribution. */
export class PoolChild {
  readonly #parts: ChildParts;
  readonly #child: Child;
  #state: 'starting' | 'idle' | 'busy' | 'leaving' | 'gone' = 'starting';
  #task: Task | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  #stopping = false;
  #timedOut = false;
  /** Jobs done, and bytes resident after the last. */
  done = 0;
  rss = 0;

  constructor(parts: ChildParts) {
    this.#parts = parts;
    this.#child = parts.start({ onMessage: (message) => this.#hear(message), onExit: (exit) => this.#exited(exit) });
    this.#child.send({ type: 'boot', ...parts.boot });
    this.#timer = setTimeout(() => this.#tooLate(), parts.aliveTimeoutMs);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  get isStarting(): boolean {
    return this.#state === 'starting';
  }

  /** It took too long to start: another may not. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  get task(): Task | undefined {
    return this.#task;
  }

  /** Gives an idle child its next job. */
  run(task: Task): void {
    const { message, info, queue } = task.running.pending.delivery;
    this.#state = 'busy';
    this.#task = task;
    task.running.pid = this.pid;
    task.begin();
    this.#child.send({ type: 'run', job: task.number, message, info, queue });
  }

  /** The soft time limit of its job is over. */
  abort(seconds: number): void {
    if (this.#task !== undefined) this.#child.send({ type: 'soft', job: this.#task.number, seconds });
  }

  /** Ends it by force; `stopping` when that is not its task's fault. */
  kill(signal: SignalName, stopping = false): void {
    this.#stopping ||= stopping;
    this.#child.kill(signal);
  }

  /** Lets it end in order: it has no job. */
  leave(): void {
    clearTimeout(this.#timer);
    this.#state = 'leaving';
    this.#child.send({ type: 'stop' });
    this.#timer = setTimeout(() => this.#child.kill('SIGKILL'), LEAVE_MS);
  }

  #hear(message: FromChild): void {
    switch (message.type) {
      case 'ready':
        if (this.#state === 'starting') this.#idle();
        return;
      case 'failed':
        this.#reason = message.reason;
        return;
      case 'log':
        return this.#parts.logger[message.level](message.text, message.fields);
      case 'ended':
        return this.#ended(message);
    }
  }

  #ended({ job, ending, children, rss, trace }: FromChild & { readonly type: 'ended' }): void {
    const task = this.#task;
    if (task?.number !== job) return;
    this.#task = undefined;
    this.done += 1;
    this.rss = rss;
    task.running.children.push(...children);
    task.running.trace = trace;
    // One that is being ended for its task's sake takes no other, also when the signal does not end it.
    if (task.fate !== undefined) this.done = Infinity;
    this.#idle();
    task.end(readable(ending, this.#parts.json));
  }

  #idle(): void {
    clearTimeout(this.#timer);
    this.#state = 'idle';
    this.#parts.onIdle(this);
  }

  #tooLate(): void {
    this.#timedOut = true;
    this.#reason = `it was not ready within ${this.#parts.aliveTimeoutMs / 1000} s (worker_proc_alive_timeout)`;
    this.#child.kill('SIGKILL');
  }

  #exited(exit: Exit): void {
    clearTimeout(this.#timer);
    const state = this.#state;
    const isUnasked = (state === 'starting' || state === 'idle') && !this.#stopping;
    const unasked = isUnasked ? { while: state, reason: this.#reason ?? describeExit(exit) } : undefined;
    this.#state = 'gone';
    const task = this.#task;
    this.#task = undefined;
    this.#parts.onGone(this, unasked);
    task?.end(this.#endingOf(task, exit));
  }

  #endingOf({ fate, number }: Task, exit: Exit): Ending {
    if (fate !== undefined) return fatedEnding(fate);
    const lost = lostEnding(exit, number);
    return this.#stopping ? { kind: 'abandoned', exception: lost.exception, traceback: lost.traceback } : lost;
  }
}

/** The ending of a task that its child was ended for. */
export function fatedEnding(fate: Fate): Ending {
  switch (fate.kind) {
    case 'overdue':
      return overdueEnding(fate.seconds);
    case 'terminated':
      return { kind: 'terminated', signal: fate.signal };
    case 'abandoned':
      return abandonedEnding();
  }
}

/** A type of the user's own may fail to read what it wrote: that is how the task has failed. */
function readable(ending: EndingWire, json: Serializer): Ending {
  try {
    return unpackEnding(ending, json);
  } catch (error) {
    return failureOf(error);
  }
}

function describeExit({ code, signal }: Exit): string {
  return `it ended with ${signal ?? `exit code ${code}`}`;
}
