import { ResultDecodeError, TqError } from '../base/errors.ts';
import type { RemoteFailure } from '../base/errors.ts';
import type { ExceptionWire } from './result.ts';
import { saferepr } from './saferepr.ts';

/** The module of errors Python has no class for: Python then makes a class of the same name, since it never imports. */
export const OUR_MODULE = 'tq_bridge.errors';

const CELERY_EXCEPTIONS: ReadonlySet<string> = new Set([
  'NotRegistered',
  'TaskRevokedError',
  'MaxRetriesExceededError',
  'Retry',
  'Ignore',
  'Reject',
  'TimeLimitExceeded',
  'InvalidTaskError',
]);

/** Errors of ours that are kombu's in Python. */
const KOMBU_EXCEPTIONS: ReadonlySet<string> = new Set(['EncodeError', 'DecodeError', 'OperationalError', 'ContentDisallowed']);

/** Python's builtins that take one message, under their own names. */
const BUILTINS: ReadonlySet<string> = new Set([
  'ArithmeticError',
  'AssertionError',
  'AttributeError',
  'BufferError',
  'EOFError',
  'Exception',
  'ImportError',
  'IndexError',
  'KeyError',
  'LookupError',
  'MemoryError',
  'NameError',
  'NotImplementedError',
  'OverflowError',
  'PermissionError',
  'ConnectionError',
  'RuntimeError',
  'TimeoutError',
  'TypeError',
  'ValueError',
  'ZeroDivisionError',
]);

/** Fields by which an error of yours names the Python class it should arrive as. */
export interface PythonNamed {
  readonly excType?: unknown;
  readonly excModule?: unknown;
  readonly excMessage?: unknown;
}

/**
 * Whatever was thrown, as Celery stores it. The class in Python has the error's own name: `TypeError` and other names that
 * Python has arrive as its builtins, all others as a class made for the name. An error may carry `excType`, `excModule`
 * and `excMessage` (the list of arguments) to be re-raised as any class its reader has imported.
 */
export function encodeException(error: unknown): ExceptionWire {
  if (!(error instanceof Error)) return { exc_type: 'Error', exc_message: [describeThrown(error)], exc_module: OUR_MODULE };
  const { excType, excModule, excMessage } = error as PythonNamed;
  const type = typeof excType === 'string' && excType !== '' ? excType : errorName(error);
  return {
    exc_type: type,
    exc_message: Array.isArray(excMessage) ? excMessage : [error.message],
    exc_module: typeof excModule === 'string' && excModule !== '' ? excModule : moduleOf(type, error),
  };
}

/** The name Python shows: the error's `name`, or its class where the name was left at `Error`. */
export function errorName(error: Error): string {
  if (error.name !== 'Error' && error.name !== '') return error.name;
  return error.constructor.name || 'Error';
}

function moduleOf(type: string, error: Error): string {
  if (CELERY_EXCEPTIONS.has(type)) return 'celery.exceptions';
  if (error instanceof TqError && KOMBU_EXCEPTIONS.has(type)) return 'kombu.exceptions';
  return BUILTINS.has(type) ? 'builtins' : OUR_MODULE;
}

/** A thrown value's text in Python's shape: `RangeError('x')`. */
export function exceptionRepr(error: unknown): string {
  return exceptionWireRepr(encodeException(error));
}

/** The same of a failure that is encoded already. */
export function exceptionWireRepr({ exc_type: type, exc_message: args }: ExceptionWire): string {
  return `${type}(${args.map((arg) => saferepr(arg)).join(', ')})`;
}

/** A traceback as Python readers expect one: oldest frame first, the error last, its causes before it. */
export function encodeTraceback(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return `Traceback (most recent call last):\nError: ${describeThrown(error)}\n`;
  const cause =
    error.cause === undefined || depth > 5
      ? ''
      : `${encodeTraceback(error.cause, depth + 1)}\nThe above exception was the direct cause of the following exception:\n\n`;
  const frames = stackFrames(error).reverse().map(frameLine);
  return `${cause}Traceback (most recent call last):\n${frames.join('')}${errorName(error)}: ${error.message}\n`;
}

function stackFrames(error: Error): string[] {
  const lines = typeof error.stack === 'string' ? error.stack.split('\n') : [];
  return lines.filter((line) => /^\s+at /.test(line)).slice(0, 50);
}

function frameLine(frame: string): string {
  const match = /^\s+at (?:(.{1,200}?) \()?(.{1,500}?):(\d+):\d+\)?$/.exec(frame);
  if (match === null) return `  ${frame.trim()}\n`;
  return `  File "${(match[2] ?? '').replace(/^file:\/\//, '')}", line ${match[3]}, in ${match[1] ?? '<anonymous>'}\n`;
}

function describeThrown(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value;
  }
}

/**
 * A stored failure as plain data: nothing is imported, constructed or looked up by a name the peer chose.
 * Throws `ResultDecodeError` when it is no failure at all.
 */
export function decodeFailure(result: unknown, taskId: string, traceback: string | null): RemoteFailure {
  const fields = Array.isArray(result) ? fromPairs(result) : result;
  if (typeof fields !== 'object' || fields === null)
    throw new ResultDecodeError(`a stored failure must be an object, not ${fields === null ? 'null' : typeof fields}`);
  const {
    exc_type: type,
    exc_message: message,
    exc_module: module,
  } = fields as { readonly [key in 'exc_type' | 'exc_message' | 'exc_module']?: unknown };
  if (typeof type !== 'string') throw new ResultDecodeError('a stored failure needs an exc_type');
  return {
    taskId,
    excType: type,
    excModule: typeof module === 'string' ? module : undefined,
    excMessage: Array.isArray(message) ? message : message === undefined || message === null ? [] : [message],
    remoteTraceback: traceback ?? undefined,
  };
}

/** Celery also reads a failure that is a list of pairs. */
function fromPairs(pairs: readonly unknown[]): Readonly<Record<string, unknown>> | undefined {
  if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) return undefined;
  return Object.fromEntries(pairs as readonly (readonly [string, unknown])[]);
}
