import { Worker as Thread } from 'node:worker_threads';
import { runningTask } from '../app/current.ts';
import type { BlockedLoop, WatchData } from './loop-watch-thread.ts';
import { clip } from './log-lines.ts';
import type { Step } from './steps.ts';
import type { Worker } from './worker.ts';

const TICK_MS = 100;

/** Tasks named in a line that cannot name the one. */
const LISTED = 5;

/** What the watching thread asks the blocked one for. */
const KEY = 'tq-bridge.running-task';

/**
 * Notices when the worker's own event loop does not turn, because a task computes without a pause: heartbeats, limits and all
 * other tasks wait then. A thread sees it, interrupts the code for a moment to ask whose it is, and the log tells which task
 * it was, where, and for how long; beyond ten times `seconds` already while it lasts.
 */
export class LoopWatch implements Step<Worker> {
  readonly name = 'loop-watch';
  readonly #seconds: number;
  #timer: NodeJS.Timeout | undefined;
  #thread: Thread | undefined;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  start(worker: Worker): void {
    const ticks = new Int32Array(new SharedArrayBuffer(4));
    this.#timer = setInterval(() => void Atomics.add(ticks, 0, 1), TICK_MS);
    this.#timer.unref();
    Object.assign(globalThis, { [KEY]: currentLabel });
    const file = `./loop-watch-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`;
    const workerData: WatchData = { ticks, tickMs: TICK_MS, seconds: this.#seconds, question: `globalThis['${KEY}']()` };
    this.#thread = new Thread(new URL(file, import.meta.url), { workerData, execArgv: [], env: {} });
    this.#thread.unref();
    this.#thread.on('message', (blocked: BlockedLoop) => worker.logger.warning(lineOf(blocked, worker)));
    this.#thread.on('error', (error) => worker.logger.error(`The event loop is not watched any more: ${String(error)}`));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#thread?.terminate();
  }
}

function currentLabel(): string {
  const context = runningTask()?.context;
  return context === undefined ? '' : `${clip(context.task)}[${clip(context.id)}]`;
}

function lineOf({ seconds, task, where }: BlockedLoop, { state }: Worker): string {
  const running = [...state.active].slice(0, LISTED).map(({ context: { task: name, id } }) => `${clip(name)}[${clip(id)}]`);
  const suspects = running.length === 0 ? 'no task runs' : `running: ${running.join(', ')}`;
  const by = task === '' ? suspects : `by task ${task}`;
  return `The event loop was blocked for ${seconds.toFixed(1)} s ${by}${where === '' ? '' : ` at ${clip(where)}`}: code that computes for long belongs in -P prefork or -P threads`;
}
