import { EncodeError } from '../../base/errors.ts';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../base/values.ts';

const UNSENDABLE = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error, ArrayBuffer];
const TYPED = [Decimal, Uuid, PlainDate, PlainTime, DateTime, Date];

/** Throws `EncodeError` for the objects that no serializer carries: an empty object in their place would be a silent loss. */
export function refuseUnsendable(object: object, path: string): void {
  for (const type of UNSENDABLE) {
    if (object instanceof type)
      throw new EncodeError(`${path}: a ${type.name} cannot be sent; convert it to an array, an object or text first`);
  }
  if (ArrayBuffer.isView(object)) throw new EncodeError(`${path}: only Uint8Array carries bytes, not ${object.constructor.name}`);
}

/** Throws `EncodeError` for a value that JSON has a word for and `format` has none, as Python's library for it does. */
export function refuseTyped(object: object, path: string, format: string): void {
  for (const type of TYPED) {
    if (object instanceof type)
      throw new EncodeError(`${path}: ${format} has no word for a ${type.name}; convert it to text, or send json`);
  }
}

/** What an object sends in its place, when it says so with a method `toJSON`. */
export function replacement(object: object): { readonly value: unknown } | undefined {
  return 'toJSON' in object && typeof object.toJSON === 'function' ? { value: (object.toJSON as () => unknown)() } : undefined;
}

/** Throws `EncodeError` for a `Date` that Python's `datetime` cannot hold. */
export function refuseImpossible(date: Date, path: string): void {
  if (Number.isNaN(date.getTime())) throw new EncodeError(`${path}: an invalid Date cannot be sent`);
  if (!/^(?!0000)\d{4}-/.test(date.toISOString())) throw new EncodeError(`${path}: Python has the years 1 to 9999 only`);
}
