import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecodeError } from '../../src/base/errors.ts';
import type { Serializer } from '../../src/message/serializer.ts';

/** What every serializer keeps. Call it inside a `describe`. */
export function serializerConformance(serializer: Serializer): void {
  test('gives back any plain value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(serializer.decode(serializer.encode(value))).toEqual(JSON.parse(JSON.stringify(value), bigIntegers));
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

/** A number beyond 2^53 that is written without exponent comes back as the BigInt of its text. */
function bigIntegers(_key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(String(value)) ? BigInt(String(value)) : value;
}

function valueOrDecodeError(serializer: Serializer, bytes: Uint8Array): void {
  try {
    serializer.decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
  }
}
