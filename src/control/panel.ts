import { saferepr } from '../protocol/saferepr.ts';
import type { CommandInfo } from './commands.ts';

/** Runs a command. What it returns is the answer; what it throws becomes an error in the answer. */
export type CommandHandler<Context> = (context: Context, args: Readonly<Record<string, unknown>>) => unknown;

/** What a peer is told of a command that failed, in Python's words: `TypeError("…")`. */
export class CommandError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** `{ ok: text }`, which clients show as success. */
export function ok(value: unknown): { readonly ok: unknown } {
  return { ok: value };
}

/** `{ error: text }`, which clients show as failure. */
export function nok(value: unknown): { readonly error: unknown } {
  return { error: value };
}

/** The remote control commands of a node. `celery/worker/control.py Panel`. */
export class Panel<Context> {
  readonly #commands = new Map<string, { readonly info: CommandInfo; readonly handler: CommandHandler<Context> }>();

  /** Adds a command under its name and its alias; a later one of the same name wins, as in Celery. */
  register(name: string, info: CommandInfo, handler: CommandHandler<Context>): void {
    for (const key of info.alias === undefined ? [name] : [name, info.alias]) this.#commands.set(key, { info, handler });
  }

  /** Runs a command. Rejects with `CommandError` for one that does not exist or lacks an argument, and with what it throws. */
  async handle(method: string, context: Context, args: Readonly<Record<string, unknown>> | undefined): Promise<unknown> {
    const command = this.#commands.get(method);
    if (command === undefined) throw new CommandError('KeyError', method);
    if (args === undefined) throw new CommandError('TypeError', `the arguments of ${method} must be an object`);
    checkArguments(method, command.info, args);
    return command.handler(context, args);
  }
}

function checkArguments(method: string, { required = [], only }: CommandInfo, args: Readonly<Record<string, unknown>>): void {
  for (const name of required) {
    if (!Object.hasOwn(args, name)) throw new CommandError('TypeError', `${method}() missing 1 required positional argument: '${name}'`);
  }
  const stranger = only === undefined ? undefined : Object.keys(args).find((name) => !only.includes(name));
  if (stranger !== undefined)
    throw new CommandError('TypeError', `${method}() got an unexpected keyword argument '${stranger.slice(0, 100)}'`);
}

/** An error as the answer has it: Python's `repr` of an exception. */
export function errorRepr(error: unknown): string {
  if (!(error instanceof Error)) return saferepr(error);
  const type = error instanceof CommandError ? error.type : (PYTHON_NAMES[error.name] ?? error.name);
  return `${type}(${textRepr(error.message)})`;
}

/** A text as Python's `repr` quotes it: double quotes only where that saves escapes. */
function textRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replace(/[\\'\u0000-\u001f\u007f]/g, (character) => {
    if (character === '\\') return '\\\\';
    if (character === "'") return quote === "'" ? "\\'" : "'";
    return ESCAPES[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `${quote}${inside}${quote}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const PYTHON_NAMES: Readonly<Record<string, string>> = { RangeError: 'ValueError', Error: 'Exception' };
