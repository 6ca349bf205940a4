import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecodeError, EncodeError, SecurityError } from '../../src/base/errors.ts';
import type { Serializer } from '../../src/message/serializer.ts';

/** What every serializer of structured values keeps. Call it inside a `describe`. `isInteger`: which whole numbers it writes as integers. */
export function serializerConformance(serializer: Serializer, isInteger: (value: number) => boolean = isJsonInteger): void {
  test('gives back any plain value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(serializer.decode(serializer.encode(value))).toEqual(exactIntegers(value, isInteger));
      }),
    );
  });

  test('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(serializer.decode(serializer.encode([bytes]))).toEqual([new Uint8Array(bytes)]);
      }),
    );
  });

  test('gives back integers to the bit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
        expect(serializer.decode(serializer.encode([value]))).toEqual([Number.isSafeInteger(Number(value)) ? Number(value) : value]);
      }),
    );
  });

  test('gives back text of any characters, as a value and as a key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(serializer.decode(serializer.encode({ text, nested: [{ [text]: text }] }))).toEqual({ text, nested: [ownKey(text, text)] });
      }),
    );
  });

  test('gives back long text', () => {
    for (const text of ['x'.repeat(70_000), 'ż'.repeat(40_000)]) {
      const back = serializer.decode(serializer.encode({ [text]: text })) as object;
      expect(Object.entries(back)[0]?.every((part) => part === text)).toBe(true);
    }
  });

  test('keeps keys of the prototype as data', () => {
    const value = ownKey('__proto__', { admin: true });
    Object.assign(value, { constructor: 1, hasOwnProperty: 2, toString: 3 });
    const back = serializer.decode(serializer.encode(value)) as object;
    expect(Object.entries(back)).toEqual(Object.entries(value));
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  test('treats undefined, holes and toJSON as JSON.stringify does, and undefined at the top as null', () => {
    const holed: unknown[] = [1];
    holed[2] = undefined;
    const value = { a: undefined, b: holed, c: { toJSON: () => 2n ** 60n } };
    expect(serializer.decode(serializer.encode(value))).toEqual({ b: [1, null, null], c: 2n ** 60n });
    expect(serializer.decode(serializer.encode(undefined))).toBe(null);
  });

  test.each([
    ['a function', [(): void => undefined], '$[0]'],
    ['a symbol', { a: Symbol('s') }, '$.a'],
    ['a Map', { a: new Map() }, '$.a'],
    ['other views', [new Float64Array(1)], '$[0]'],
    ['an Error', [new Error('e')], '$[0]'],
    ['an invalid Date', [new Date(Number.NaN)], '$[0]'],
  ])('refuses %s and names the path', (_what, value, path) => {
    expect(() => serializer.encode(value)).toThrow(EncodeError);
    expect(() => serializer.encode(value)).toThrow(path);
  });

  test('goes 1000 levels deep in both directions and no further', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 'x' : depth % 2 === 0 ? [nested(depth - 1)] : { k: nested(depth - 1) });
    expect(serializer.decode(serializer.encode(nested(1000)))).toEqual(nested(1000));
    expect(() => serializer.encode(nested(1001))).toThrow(EncodeError);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => serializer.encode(cycle)).toThrow(EncodeError);
  });

  test('answers hostile bytes with a value or DecodeError', () => {
    const valid = fc.jsonValue().map((value) => serializer.encode(value));
    const broken = fc.tuple(valid, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
      const copy = new Uint8Array(bytes);
      if (copy.length > 0) copy[at % copy.length] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), broken), (bytes) => valueOrDecodeError(serializer, bytes)),
      { numRuns: 1000 },
    );
  });
}

function ownKey(key: string, value: unknown): object {
  return Object.defineProperty({}, key, { value, enumerable: true, configurable: true, writable: true });
}

const isJsonInteger = (value: number): boolean => Math.abs(value) < 1e21;

/** As JSON keeps a value (-0 becomes 0), but an integer beyond 2^53 comes back as a BigInt of its exact value. */
function exactIntegers(value: unknown, isInteger: (value: number) => boolean): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
    typeof item === 'number' && Number.isInteger(item) && !Number.isSafeInteger(item) && isInteger(item) ? BigInt(item) : item,
  ) as unknown;
}

function valueOrDecodeError(serializer: Serializer, bytes: Uint8Array): void {
  try {
    serializer.decode(bytes);
  } catch (error) {
    // Only signed bytes can fail for want of a good signature.
    if (!(error instanceof SecurityError)) expect(error).toBeInstanceOf(DecodeError);
  }
}
