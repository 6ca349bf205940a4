import { COMMANDS } from '../../control/commands.ts';
import type { CommandInfo, CommandName } from '../../control/commands.ts';
import { ControlNode } from '../../control/node.ts';
import { Panel } from '../../control/panel.ts';
import type { CommandHandler } from '../../control/panel.ts';
import type { ConsumerContext } from '../consumer.ts';
import type { Step } from '../steps.ts';
import type { ControlContext } from './context.ts';
import { changeCommands } from './change-commands.ts';
import { inspectCommands } from './inspect-commands.ts';
import { revokeCommands } from './revoke-commands.ts';
import { processCommands } from './stats.ts';

/** A command of the user's own. */
export interface UserCommand {
  readonly name: string;
  readonly info: CommandInfo;
  readonly handler: CommandHandler<ControlContext>;
}

/** Answers remote control on each broker connection. `celery/worker/consumer/control.py`. */
export class ControlStep implements Step<ConsumerContext> {
  readonly name = 'control';
  readonly #commands: readonly UserCommand[];
  #node: ControlNode<ControlContext> | undefined;

  constructor(commands: readonly UserCommand[]) {
    this.#commands = commands;
  }

  async start({ worker, connection }: ConsumerContext): Promise<void> {
    const { app, hostname } = worker;
    if (!app.settings.worker_enable_remote_control || !connection.kind.supports.fanout) return;
    const panel = celeryPanel();
    for (const { name, info, handler } of this.#commands) panel.register(name, info, handler);
    this.#node = new ControlNode({ name: hostname, post: app.controlPost(), panel, context: { app, hostname, worker } });
    await this.#node.start(connection);
  }

  async stop(): Promise<void> {
    await this.#node?.stop();
    this.#node = undefined;
  }

  lost(): void {
    this.#node?.lost();
    this.#node = undefined;
  }
}

/** Celery's own commands. */
export function celeryPanel(): Panel<ControlContext> {
  const panel = new Panel<ControlContext>();
  const handlers = { ...inspectCommands, ...processCommands, ...changeCommands, ...revokeCommands };
  for (const [name, info] of Object.entries(COMMANDS) as [CommandName, CommandInfo][]) {
    const handler = handlers[name];
    if (handler === undefined) throw new TypeError(`the command ${name} does nothing`);
    panel.register(name, info, handler);
  }
  return panel;
}
