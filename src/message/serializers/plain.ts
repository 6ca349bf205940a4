import { MAX_DEPTH } from './json-read.ts';

/** What the native writer of a format may be given. */
export interface PlainRules {
  readonly number: (value: number) => boolean;
  readonly text: (value: string) => boolean;
  readonly key: (name: string) => boolean;
}

/**
 * A check whether a value holds only text, numbers, booleans, null, arrays and plain objects that keep to `rules`: one
 * quick look, since nearly every body does, and then a native writer may have it.
 */
export function plainCheck({ number, text, key }: PlainRules): (value: unknown) => boolean {
  const isPlain = (value: unknown, depth: number): boolean => {
    switch (typeof value) {
      case 'string':
        return text(value);
      case 'boolean':
        return true;
      case 'number':
        return number(value);
      case 'object':
        if (value === null) return true;
        if (depth >= MAX_DEPTH) return false;
        return Array.isArray(value) ? isPlainArray(value, depth) : isPlainObject(value, depth);
      default:
        return false;
    }
  };
  const isPlainArray = (array: readonly unknown[], depth: number): boolean => {
    for (let index = 0; index < array.length; index += 1) if (!isPlain(array[index], depth + 1)) return false;
    return true;
  };
  const isPlainObject = (object: object, depth: number): boolean => {
    const prototype: unknown = Object.getPrototypeOf(object);
    if (prototype !== Object.prototype && prototype !== null) return false;
    const values = object as Readonly<Record<string, unknown>>;
    for (const name in values) if (!key(name) || !isPlain(values[name], depth + 1)) return false;
    return true;
  };
  return (value) => isPlain(value, 0);
}
