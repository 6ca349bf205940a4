import { DecodeError } from '../../base/errors.ts';
import { NO_TYPES } from './json-own-types.ts';
import type { JsonTypes } from './json-own-types.ts';
import { fromTyped } from './json-types.ts';
import type { TypedValue } from './json-types.ts';

/** Deeper nesting is refused: Python dies at about 500, V8 overflows at a few thousand. */
export const MAX_DEPTH = 1000;

/** Python refuses longer integers too (`sys.int_info.default_max_str_digits`). */
const MAX_DIGITS = 4300;

/** What plain JSON.parse would misread; a body without it takes the fast way. */
const SPECIAL = /__type__|\\u005[fF]|\\u00[67]|NaN|Infinity|\d{16}/;

/** Stands for NaN while the native parser reads; Python writes no such number. */
const NAN_TOKEN = '0e-9999999';

/** JSON text, in Python's dialect, as a value. Throws `DecodeError`. */
export function parseJson(text: string, types: JsonTypes = NO_TYPES): unknown {
  if (text.length > 2 * MAX_DEPTH) checkDepth(text);
  try {
    return SPECIAL.test(text) ? parseSpecial(text, types) : (JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError('', `not JSON: ${error instanceof Error ? error.message.slice(0, 200) : 'unreadable'}`, { cause: error });
  }
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source: string }) => unknown;

function parseSpecial(text: string, types: JsonTypes): unknown {
  const standard = /NaN|Infinity/.test(text) ? replaceLiterals(text) : text;
  // The reviver's third argument is newer than the library's types.
  return (JSON.parse as (json: string, reviver: Reviver) => unknown)(standard, reviver(types));
}

const reviver =
  (types: JsonTypes): Reviver =>
  (_key, value, context) => {
    if (typeof value === 'number') return reviveNumber(value, context.source);
    if (typeof value === 'object' && value !== null && isTyped(value)) return fromTyped(value, types);
    return value;
  };

function reviveNumber(value: number, source: string): number | bigint {
  if (source === NAN_TOKEN) return Number.NaN;
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(source)) return value;
  const digits = source.length - (source.startsWith('-') ? 1 : 0);
  if (digits > MAX_DIGITS) throw new DecodeError('', `an integer of ${digits} digits; the limit is ${MAX_DIGITS}`);
  return BigInt(source);
}

function isTyped(value: object): value is TypedValue {
  if (!Object.hasOwn(value, '__type__') || !Object.hasOwn(value, '__value__')) return false;
  return Object.keys(value).length === 2;
}

/** Python's NaN, Infinity and -Infinity outside of strings, as numbers that JSON.parse reads. */
function replaceLiterals(text: string): string {
  const parts: string[] = [];
  let kept = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '"') {
      index = endOfString(text, index);
    } else if (char === 'N' && text.startsWith('NaN', index)) {
      // The spaces keep it from joining a number beside it: 1NaN stays unreadable.
      parts.push(text.slice(kept, index), ` ${NAN_TOKEN} `);
      index += 2;
      kept = index + 1;
    } else if (char === 'I' && text.startsWith('Infinity', index)) {
      parts.push(text.slice(kept, index), text[index - 1] === '-' ? '1e999 ' : ' 1e999 ');
      index += 7;
      kept = index + 1;
    }
  }
  parts.push(text.slice(kept));
  return parts.join('');
}

/** Index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x5c) index += 1;
    else if (code === 0x22) return index;
  }
  return text.length;
}

function checkDepth(text: string): void {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x22) index = endOfString(text, index);
    else if (code === 0x5b || code === 0x7b) depth += 1;
    else if (code === 0x5d || code === 0x7d) depth -= 1;
    if (depth > MAX_DEPTH) throw new DecodeError('', `nested deeper than ${MAX_DEPTH} levels`);
  }
}
