import type { Serializer } from '../../message/serializer.ts';
import type { ExceptionWire } from '../../protocol/result.ts';
import { unsendable } from '../run-task.ts';
import type { CodeEnding } from '../run-task.ts';
import { printed } from '../log-lines.ts';
import type { Ending } from '../trace.ts';
import type { EndingWire, Packed, PackedException } from './wire.ts';

/** Throws `EncodeError` for what JSON and kombu's types cannot say. */
export function pack(value: unknown, json: Serializer): Packed {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return { plain: value };
  return { json: json.encode({ result: value }) };
}

/** The value again. */
export function unpack(packed: Packed, json: Serializer): unknown {
  return 'plain' in packed ? packed.plain : (json.decode(packed.json) as { readonly result: unknown }).result;
}

/**
 * An ending as it crosses to the parent. What cannot be serialised is how the task has failed after all; a value that
 * nobody waits for (`wanted` is false) is then only printed. Never throws.
 */
export function packEnding(ending: CodeEnding, wanted: boolean, json: Serializer): EndingWire {
  try {
    return packed(ending, json);
  } catch (error) {
    if (ending.kind === 'success' && !wanted) return { kind: 'success', value: { plain: null }, printed: printed(ending.value) };
    return packed(unsendable(error), json);
  }
}

function packed(ending: CodeEnding, json: Serializer): EndingWire {
  switch (ending.kind) {
    case 'success':
      return { kind: 'success', value: pack(ending.value, json), printed: undefined };
    case 'failure':
      return { kind: 'failure', exception: packException(ending.exception, json), traceback: ending.traceback };
    case 'retry':
      return { ...ending, exception: ending.exception === undefined ? undefined : packException(ending.exception, json) };
    case 'ignore':
      return ending;
    case 'reject':
      return { ...ending, exception: packException(ending.exception, json) };
  }
}

/** The ending again. */
export function unpackEnding(ending: EndingWire, json: Serializer): Ending {
  switch (ending.kind) {
    case 'success':
      return { kind: 'success', value: unpack(ending.value, json), printed: ending.printed };
    case 'failure':
      return { ...ending, exception: unpackException(ending.exception, json) };
    case 'retry':
      return { ...ending, exception: ending.exception === undefined ? undefined : unpackException(ending.exception, json) };
    case 'ignore':
      return ending;
    case 'reject':
      return { ...ending, exception: unpackException(ending.exception, json) };
  }
}

function packException({ exc_message: args, ...exception }: ExceptionWire, json: Serializer): PackedException {
  return { ...exception, args: pack(args, json) };
}

function unpackException({ args, ...exception }: PackedException, json: Serializer): ExceptionWire {
  return { ...exception, exc_message: unpack(args, json) as ExceptionWire['exc_message'] };
}
