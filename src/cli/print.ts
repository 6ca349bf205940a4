import { BackendDisabledError, ImproperlyConfiguredError, ResultTimeoutError, TaskFailedError, TqError } from '../base/errors.ts';
import { jsonSerializer } from '../message/serializers/json.ts';
import { EXIT } from './exit-codes.ts';
import { maskUrls } from './secrets.ts';
import { messageOf } from '../base/message-of.ts';

/** A command that was used wrongly: one line and a hint, exit code 2. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The user's module threw while it was imported: its own error is what helps, with its stack. */
export class UserModuleError extends Error {
  readonly hint: string | undefined;

  constructor(file: string, cause: unknown) {
    super(`${file} cannot be imported: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`, { cause });
    // Node keeps the place of a syntax error for those that run the file.
    this.hint = cause instanceof SyntaxError ? `node ${file} shows where` : undefined;
  }
}

/** Writes data: stdout carries nothing else. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes for people: stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A value as JSON text, typed values in kombu's form; a plain string stays bare for people. */
export function formatValue(value: unknown, asJson: boolean): string {
  if (typeof value === 'string' && !asJson) return value;
  return new TextDecoder().decode(jsonSerializer.encode(value));
}

/** Reports an error in one line (stack only with `debug`) and returns the exit code for it. */
export function reportError(error: unknown, debug: boolean): number {
  const message = messageOf(error);
  note(`Error: ${maskUrls(message)}`);
  if ((error instanceof UsageError || error instanceof UserModuleError) && error.hint !== undefined) note(`Hint: ${maskUrls(error.hint)}`);
  if (debug && error instanceof Error && error.stack !== undefined) note(maskUrls(error.stack));
  return exitCodeFor(error);
}

function exitCodeFor(error: unknown): number {
  // yargs wraps what an option's reader throws in an error of its own.
  if (error instanceof UsageError || (error instanceof Error && error.name === 'YError')) return EXIT.usage;
  if (error instanceof ImproperlyConfiguredError || error instanceof BackendDisabledError) return EXIT.config;
  if (error instanceof ResultTimeoutError) return EXIT.timedOut;
  if (error instanceof TaskFailedError) return EXIT.failure;
  if (error instanceof TqError && UNAVAILABLE.has(error.code)) return EXIT.unavailable;
  return EXIT.failure;
}

const UNAVAILABLE: ReadonlySet<string> = new Set([
  'ERR_TRANSPORT_CONNECTION',
  'ERR_TRANSPORT_BLOCKED',
  'ERR_BACKEND_UNAVAILABLE',
  'ERR_APP_OPERATIONAL',
]);
