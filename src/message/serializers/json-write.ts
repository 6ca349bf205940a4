import { EncodeError } from '../../base/errors.ts';
import { MAX_DEPTH } from './json-read.ts';
import { toTyped } from './json-types.ts';

/** A value as JSON text in Python's dialect. Throws `EncodeError` naming the path of what cannot be sent. */
export function writeJson(value: unknown): string {
  if (isPlain(value, 0)) return JSON.stringify(value);
  return write(value, '$', 0);
}

/** Whether JSON.stringify alone writes what kombu would: one quick look, since nearly every body is plain. */
function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
    case 'object':
      if (value === null) return true;
      if (depth >= MAX_DEPTH) return false;
      return Array.isArray(value) ? isPlainArray(value, depth) : isPlainObject(value, depth);
    default:
      return false;
  }
}

function isPlainArray(array: readonly unknown[], depth: number): boolean {
  for (let index = 0; index < array.length; index += 1) {
    if (!isPlain(array[index], depth + 1)) return false;
  }
  return true;
}

function isPlainObject(object: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const values = object as Readonly<Record<string, unknown>>;
  for (const key in values) {
    if (key === '__type__' || key === 'toJSON' || !isPlain(values[key], depth + 1)) return false;
  }
  return true;
}

function write(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      return writeNumber(value);
    case 'bigint':
      return value.toString();
    case 'undefined':
      return 'null';
    case 'object':
      return value === null ? 'null' : writeObject(value, path, depth);
    default:
      throw new EncodeError(`${path}: a ${typeof value} cannot be sent`);
  }
}

function writeNumber(value: number): string {
  // Python reads NaN, Infinity and -Infinity as they are.
  if (!Number.isFinite(value)) return String(value);
  // JSON.stringify pads the digits of a large integer with zeros; Python would read another number.
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value).toString() : JSON.stringify(value);
}

function writeObject(object: object, path: string, depth: number): string {
  if (depth >= MAX_DEPTH) throw new EncodeError(`${path.slice(0, 100)}…: nested deeper than ${MAX_DEPTH} levels, or a cycle`);
  if (Array.isArray(object)) {
    return `[${Array.from(object, (item: unknown, index) => write(item, `${path}[${index}]`, depth + 1)).join(',')}]`;
  }
  if (object instanceof Date && Number.isNaN(object.getTime())) throw new EncodeError(`${path}: an invalid Date cannot be sent`);
  if (object instanceof Date && !/^(?!0000)\d{4}-/.test(object.toISOString()))
    throw new EncodeError(`${path}: Python has the years 1 to 9999 only`);
  const typed = toTyped(object);
  if (typed !== undefined) return JSON.stringify(typed);
  if ('toJSON' in object && typeof object.toJSON === 'function') return write((object.toJSON as () => unknown)(), path, depth + 1);
  refuseUnsendable(object, path);
  return writeEntries(Object.entries(object), path, depth);
}

function writeEntries(entries: readonly (readonly [string, unknown])[], path: string, depth: number): string {
  const sent = entries.filter(([, item]) => item !== undefined);
  if (sent.length === 2 && sent.every(([key]) => key === '__type__' || key === '__value__')) {
    throw new EncodeError(`${path}: an object of exactly __type__ and __value__ means a typed value to Celery; rename a key`);
  }
  return `{${sent.map(([key, item]) => `${JSON.stringify(key)}:${write(item, `${path}.${key}`, depth + 1)}`).join(',')}}`;
}

const UNSENDABLE = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error, ArrayBuffer];

function refuseUnsendable(object: object, path: string): void {
  for (const type of UNSENDABLE) {
    if (object instanceof type)
      throw new EncodeError(`${path}: a ${type.name} cannot be sent; convert it to an array, an object or text first`);
  }
  if (ArrayBuffer.isView(object)) throw new EncodeError(`${path}: only Uint8Array carries bytes, not ${object.constructor.name}`);
}
