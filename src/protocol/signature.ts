import { DecodeError } from '../base/errors.ts';
import type { Embed } from './task.ts';

/** Celery's signature dict, spelled as it travels. `celery/canvas.py Signature`. */
export interface SignatureWire {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly subtask_type: string | null;
  readonly immutable: boolean;
}

/** A plain signature, as `task.s(...)` makes it in Python. */
export function signature(
  task: string,
  args: readonly unknown[] = [],
  kwargs: Readonly<Record<string, unknown>> = {},
  options: Readonly<Record<string, unknown>> = {},
): SignatureWire {
  return { task, args, kwargs, options, subtask_type: null, immutable: false };
}

/** Whether a signature stands for several tasks: it must be expanded by the sender, never sent as a message. */
export function isComposite(sig: SignatureWire): boolean {
  return sig.subtask_type !== null && COMPOSITE.has(sig.subtask_type);
}

const COMPOSITE: ReadonlySet<string> = new Set(['chain', 'group', 'chord', 'chunks']);

/** Reads a signature. Throws `DecodeError` naming `path` when Python could not apply it either. */
export function decodeSignature(value: unknown, path: string): SignatureWire {
  if (!isObject(value)) throw new DecodeError(path, 'a signature must be an object');
  const { task, args, kwargs, options, subtask_type: subtaskType, immutable } = value;
  if (typeof task !== 'string' || task === '') throw new DecodeError(`${path}.task`, 'expected a task name');
  if (!Array.isArray(args)) throw new DecodeError(`${path}.args`, 'expected an array');
  if (!isObject(kwargs)) throw new DecodeError(`${path}.kwargs`, 'expected an object');
  if (!isObject(options)) throw new DecodeError(`${path}.options`, 'expected an object');
  return {
    task,
    args,
    kwargs,
    options,
    subtask_type: typeof subtaskType === 'string' ? subtaskType : null,
    immutable: immutable === true,
  };
}

/** Reads the third element of a body. Absent, null, `[]` and `{}` mean no callbacks. Throws `DecodeError`. */
export function decodeEmbed(value: unknown): Embed {
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return emptyEmbed;
  if (!isObject(value)) throw new DecodeError('embed', 'expected an object');
  const { callbacks, errbacks, chain, chord } = value;
  if (isNothing(callbacks) && isNothing(errbacks) && isNothing(chain) && isNothing(chord)) return emptyEmbed;
  return {
    callbacks: decodeSignatures(callbacks, 'embed.callbacks'),
    errbacks: decodeSignatures(errbacks, 'embed.errbacks'),
    chain: decodeSignatures(chain, 'embed.chain'),
    chord: isNothing(chord) ? null : decodeSignature(chord, 'embed.chord'),
  };
}

/** The embed of a task without callbacks. */
export const emptyEmbed: Embed = Object.freeze({ callbacks: null, errbacks: null, chain: null, chord: null });

function decodeSignatures(value: unknown, path: string): readonly SignatureWire[] | null {
  if (isNothing(value)) return null;
  if (!Array.isArray(value)) throw new DecodeError(path, 'expected an array of signatures');
  return value.map((item: unknown, index) => decodeSignature(item, `${path}[${index}]`));
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> & {
  readonly [
    key in 'task' | 'args' | 'kwargs' | 'options' | 'subtask_type' | 'immutable' | 'callbacks' | 'errbacks' | 'chain' | 'chord'
  ]?: unknown;
} {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
