import { COMMANDS } from '../control/commands.ts';
import type { ArgumentType, CommandInfo } from '../control/commands.ts';
import type { Celery } from '../celery.ts';
import type { Reply } from '../app/control.ts';
import { flattenReply } from '../app/inspect.ts';
import { clientApp } from './client-app.ts';
import { EXIT } from './exit-codes.ts';
import { formatValue, note, printLine, UsageError } from './print.ts';
import { prettyReply } from './remote-print.ts';

type Arguments = Readonly<Record<string, unknown>>;

/** `tq-bridge inspect COMMAND [ARGS…]`: asks workers. Exit 69 when nobody answers. `celery/bin/control.py inspect`. */
export function inspect(argv: Arguments): Promise<number> {
  return remote('inspect', argv);
}

/** `tq-bridge control COMMAND [ARGS…]`: tells workers. Exit 69 when nobody answers. `celery/bin/control.py control`. */
export function control(argv: Arguments): Promise<number> {
  return remote('control', argv);
}

/** `tq-bridge status`: the workers that answer. Exit 69 when there is none. `celery/bin/control.py status`. */
export async function status(argv: Arguments): Promise<number> {
  await using app = await clientApp(argv);
  return await ask(app, 'ping', {}, { argv, defaultTimeout: 1, showBody: false, counts: true });
}

async function remote(type: CommandInfo['type'], argv: Arguments): Promise<number> {
  await using app = await clientApp(argv);
  const commands = commandsOf(app, type);
  if (argv['list'] === true) {
    printLine(listOf(commands));
    return EXIT.ok;
  }
  const [name, ...words] = (argv['words'] as readonly string[] | undefined) ?? [];
  const info = name === undefined ? undefined : commands.get(name);
  if (name === undefined || info === undefined) throw unknownCommand(type, name, commands);
  const args = compileArguments(name, info, words);
  return await ask(app, name, args, { argv, defaultTimeout: 1, showBody: true, counts: type === 'inspect' });
}

/** Celery's commands and the app's own, by name. */
function commandsOf(app: Celery, type: CommandInfo['type']): ReadonlyMap<string, CommandInfo> {
  const own = app.steps.commands.map(({ name, info }) => [name, info] as const);
  const all = [...Object.entries(COMMANDS), ...own].filter(([, info]) => info.type === type && info.visible !== false);
  return new Map(all.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function listOf(commands: ReadonlyMap<string, CommandInfo>): string {
  const rows = [...commands].map(([name, { signature, help }]) => [signature === undefined ? name : `${name} ${signature}`, help] as const);
  return rows.map(([usage, help]) => `  ${usage.padEnd(40)} ${help}`.trimEnd()).join('\n');
}

function unknownCommand(type: string, name: string | undefined, commands: ReadonlyMap<string, CommandInfo>): UsageError {
  const all = [...commands.keys()].join(', ');
  if (name === undefined) return new UsageError(`${type} needs the name of a command.`, `there is ${all}`);
  return new UsageError(`Command ${name} not recognized. Available ${type} commands: ${all}`);
}

/** Words of a command line as the command's arguments. `celery/bin/control.py _compile_arguments`. */
export function compileArguments(name: string, info: CommandInfo, words: readonly string[]): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  const named = info.args ?? [];
  for (const [index, [key, type]] of named.entries()) {
    const word = words[index];
    if (word !== undefined) args[key] = readWord(name, key, type, word);
  }
  const rest = words.slice(named.length);
  if (info.variadic !== undefined) args[info.variadic] = rest;
  else if (rest.length > 0) {
    const usage = info.signature === undefined ? 'no arguments' : `arguments: ${info.signature}`;
    throw new UsageError(`Command '${name}' takes ${usage}`);
  }
  return args;
}

function readWord(command: string, key: string, type: ArgumentType, word: string): unknown {
  if (type === 'text') return word;
  if (type === 'flag') {
    const value = FLAGS.get(word.toLowerCase());
    if (value === undefined) throw new UsageError(`${command}: ${key} takes true or false, not '${word}'.`);
    return value;
  }
  const number = Number(word);
  if (word.trim() === '' || !Number.isFinite(number) || (type === 'whole' && !Number.isInteger(number)))
    throw new UsageError(`${command}: ${key} takes a ${type === 'whole' ? 'whole ' : ''}number, not '${word}'.`);
  return number;
}

/** `celery/utils/serialization.py strtobool`. */
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', '1', 'on'].map((word) => [word, true] as const),
  ...['false', 'no', '0', 'off'].map((word) => [word, false] as const),
]);

interface Asking {
  readonly argv: Arguments;
  readonly defaultTimeout: number;
  readonly showBody: boolean;
  /** Says at the end how many nodes there are. */
  readonly counts: boolean;
}

async function ask(app: Celery, name: string, args: Arguments, { argv, defaultTimeout, showBody, counts }: Asking): Promise<number> {
  const asJson = argv['json'] === true;
  const quiet = argv['quiet'] === true;
  const show = (reply: Reply): void => printLine(prettyReply(reply, { quiet, showBody }));
  const { timeout, destination, expect } = argv as { readonly timeout?: number; readonly destination?: string; readonly expect?: number };
  const nodes = destination
    ?.split(',')
    .map((node) => node.trim())
    .filter((node) => node !== '');
  if (nodes?.length === 0) throw new UsageError('--destination names no node.', 'leave it out to reach every node');
  const replies = await app.control.broadcast(name, {
    arguments: args,
    reply: true,
    timeout: timeout ?? defaultTimeout,
    ...(nodes === undefined ? undefined : { destination: nodes }),
    ...(expect === undefined ? undefined : { limit: expect }),
    ...(asJson ? undefined : { callback: show }),
  });
  if (replies.length === 0) {
    note('Error: No nodes replied within time constraint');
    return EXIT.unavailable;
  }
  const byNode = flattenReply(replies);
  // `celery control --json` prints a list of answers, the others one object.
  if (asJson) printLine(formatValue(counts ? byNode : replies, true));
  else if (counts && !quiet) printLine(`\n${replies.length} ${replies.length === 1 ? 'node' : 'nodes'} online.`);
  return expect !== undefined && replies.length < expect ? EXIT.unavailable : EXIT.ok;
}
