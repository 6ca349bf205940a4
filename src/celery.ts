import { CeleryApp } from './app/celery.ts';
import type { CommandInfo } from './control/commands.ts';
import type { CommandHandler } from './control/panel.ts';
import type { ControlContext } from './worker/control/context.ts';
import { noSteps, Worker } from './worker/worker.ts';
import type { WorkerOptions, WorkerSteps } from './worker/worker.ts';

/** The app as users know it: a client, and a worker in the same process when asked for one. `celery.Celery`. */
export class Celery extends CeleryApp {
  /** Steps of your own, for each worker of this app: `app.steps.worker.add({ name, start, stop })`. */
  readonly steps: WorkerSteps = noSteps();

  /**
   * A remote control command of your own, for workers of this app that are made from now on: `await app.control.broadcast(name)`
   * reaches it, and `tq-bridge control NAME`. What the handler returns is the answer; `{ ok: … }` and `{ error: … }` are shown as
   * such. `celery.worker.control.control_command`.
   */
  controlCommand(name: string, options: CommandOptions, handler: CommandHandler<ControlContext>): void {
    this.#command(name, { help: '', ...options, type: 'control' }, handler);
  }

  /** The same for a command that only looks: `await app.control.inspect().request(name)`. `inspect_command`. */
  inspectCommand(name: string, options: CommandOptions, handler: CommandHandler<ControlContext>): void {
    this.#command(name, { help: '', ...options, type: 'inspect' }, handler);
  }

  #command(name: string, info: CommandInfo, handler: CommandHandler<ControlContext>): void {
    if (name === '' || typeof handler !== 'function') throw new TypeError('a control command needs a name and a function');
    this.steps.commands.push({ name, info, handler });
  }

  /** A worker for this app's tasks, not yet started: `await worker.start()`, later `await worker.stop()`. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this, options, this.steps);
  }
}

/** What is known of a command besides what it does. */
export type CommandOptions = Partial<Omit<CommandInfo, 'type'>>;
