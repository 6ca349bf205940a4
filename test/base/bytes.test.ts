import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base64Decode, base64Encode, tryUtf8, utf8Decode, utf8Encode } from '../../src/base/bytes.ts';
import { DecodeError } from '../../src/base/errors.ts';

describe('base64', () => {
  test('agrees with the host on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        const text = base64Encode(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(base64Decode(text)).toEqual(bytes);
      }),
    );
  });

  test.each(['A', 'AA', 'A===', 'AA=A', 'A-==', 'AAA ', '===='])('refuses %j', (text) => {
    expect(() => base64Decode(text)).toThrow(DecodeError);
  });
});

describe('UTF-8', () => {
  test('round-trips text, a byte order mark included', () => {
    expect(utf8Decode(utf8Encode('\ufeffé😀'))).toBe('\ufeffé😀');
  });

  test('refuses other bytes', () => {
    expect(() => utf8Decode(Uint8Array.of(0xff))).toThrow(DecodeError);
    expect(tryUtf8(Uint8Array.of(0xc0, 0x80))).toBeUndefined();
  });
});
