import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecodeError } from '../../src/base/errors.ts';
import type { Serializer } from '../../src/message/serializer.ts';

/** What every serializer keeps. Call it inside a `describe`. */
export function serializerConformance(serializer: Serializer): void {
  test('gives back any plain value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(serializer.decode(serializer.encode(value))).toEqual(exactIntegers(value));
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

/** As JSON keeps a value (-0 becomes 0), but an integer beyond 2^53 comes back as a BigInt of its exact value. */
function exactIntegers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
    typeof item === 'number' && Number.isInteger(item) && !Number.isSafeInteger(item) && Math.abs(item) < 1e21 ? BigInt(item) : item,
  ) as unknown;
}

function valueOrDecodeError(serializer: Serializer, bytes: Uint8Array): void {
  try {
    serializer.decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
  }
}
