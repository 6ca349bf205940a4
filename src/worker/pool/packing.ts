import { jsonSerializer } from '../../message/serializers/json.ts';
import type { ExceptionWire } from '../../protocol/result.ts';
import { unsendable } from '../run-task.ts';
import type { CodeEnding } from '../run-task.ts';
import { printed } from '../log-lines.ts';
import type { Ending } from '../trace.ts';
import type { EndingWire, Packed, PackedException } from './wire.ts';

/** Throws `EncodeError` for what JSON and kombu's types cannot say. */
export function pack(value: unknown): Packed {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return { plain: value };
  return { json: jsonSerializer.encode(value) };
}

/** The value again. */
export function unpack(packed: Packed): unknown {
  return 'plain' in packed ? packed.plain : jsonSerializer.decode(packed.json);
}

/**
 * An ending as it crosses to the parent. What cannot be serialised is how the task has failed after all; a value that
 * nobody waits for (`wanted` is false) is then only printed. Never throws.
 */
export function packEnding(ending: CodeEnding, wanted: boolean): EndingWire {
  try {
    return packed(ending);
  } catch (error) {
    if (ending.kind === 'success' && !wanted) return { kind: 'success', value: { plain: null }, printed: printed(ending.value) };
    return packed(unsendable(error));
  }
}

function packed(ending: CodeEnding): EndingWire {
  switch (ending.kind) {
    case 'success':
      return { kind: 'success', value: pack(ending.value), printed: undefined };
    case 'failure':
      return { kind: 'failure', exception: packException(ending.exception), traceback: ending.traceback };
    case 'retry':
      return { ...ending, exception: ending.exception === undefined ? undefined : packException(ending.exception) };
    case 'ignore':
      return ending;
    case 'reject':
      return { ...ending, exception: packException(ending.exception) };
  }
}

/** The ending again. */
export function unpackEnding(ending: EndingWire): Ending {
  switch (ending.kind) {
    case 'success':
      return { kind: 'success', value: unpack(ending.value), printed: ending.printed };
    case 'failure':
      return { ...ending, exception: unpackException(ending.exception) };
    case 'retry':
      return { ...ending, exception: ending.exception === undefined ? undefined : unpackException(ending.exception) };
    case 'ignore':
      return ending;
    case 'reject':
      return { ...ending, exception: unpackException(ending.exception) };
  }
}

function packException({ exc_message: args, ...exception }: ExceptionWire): PackedException {
  return { ...exception, args: pack(args) };
}

function unpackException({ args, ...exception }: PackedException): ExceptionWire {
  return { ...exception, exc_message: unpack(args) as ExceptionWire['exc_message'] };
}
