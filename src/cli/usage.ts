import { nearest } from '../base/nearest.ts';
import { MISSING_COMMANDS } from './not-built.ts';
import { UsageError } from './print.ts';

const COMMANDS = [
  'worker',
  'call',
  'result',
  'purge',
  'list',
  'encode',
  'decode',
  'inspect',
  'control',
  'status',
  'events',
  'report',
] as const;

/** What each command cannot do without. */
const OPERANDS: Readonly<Record<string, string>> = { call: 'the name of a task', encode: 'the name of a task', result: 'the id of a task' };

/** What yargs says about a command line, in words of ours: which word was wrong, and which of `options` was probably meant. */
export function explainUsage(message: string, words: readonly string[], options: readonly string[]): UsageError {
  const command = words.find((word) => COMMANDS.some((name) => name === word));
  const unknown = /^Unknown arguments?: ([^,\s]+)/.exec(message)?.[1];
  if (unknown !== undefined) return words.includes(unknown) ? unknownWord(unknown, command) : unknownOption(unknown, command, options);
  const operand = command === undefined ? undefined : OPERANDS[command];
  if (operand !== undefined && message.startsWith('Not enough non-option arguments'))
    return new UsageError(`${command} needs ${operand}.`, hintFor(command));
  return new UsageError(message, hintFor(command));
}

function unknownWord(word: string, command: string | undefined): UsageError {
  if (command !== undefined) return new UsageError(`${command} does not take '${word}'.`, hintFor(command));
  if (MISSING_COMMANDS.has(word))
    return new UsageError(`${word} is a command of celery that tq-bridge does not have yet.`, `there is ${COMMANDS.join(', ')}`);
  const near = nearest(word, COMMANDS);
  return new UsageError(
    `No such command: ${word}${near === undefined ? '' : `. Did you mean ${near}?`}`,
    `there is ${COMMANDS.join(', ')}`,
  );
}

function unknownOption(name: string, command: string | undefined, options: readonly string[]): UsageError {
  // An option of another command is no help.
  const others = options.filter((option) => option !== name);
  const near = name.length === 1 ? undefined : nearest(name, others);
  const option = name.length === 1 ? `-${name}` : `--${name}`;
  return new UsageError(`No such option: ${option}${near === undefined ? '' : ` Did you mean --${near}?`}`, hintFor(command));
}

function hintFor(command: string | undefined): string {
  return `tq-bridge ${command === undefined ? '' : `${command} `}--help lists ${command === undefined ? 'commands and options' : 'its options'}`;
}
