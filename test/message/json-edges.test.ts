import { describe, expect, test } from 'vitest';
import { DecodeError, EncodeError } from '../../src/base/errors.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';

describe('JSON at its edges', () => {
  test('a hole in an array is null', () => {
    const holed: unknown[] = [1n];
    holed[2] = 2;

    expect(writeJson(holed)).toBe('[1,null,2]');
  });

  test.each(['1NaN', 'NaN1', '1Infinity', 'Infinity5', '[1 NaN]'])('%s is no number', (text) => {
    expect(() => parseJson(text)).toThrow(DecodeError);
  });

  test('a year Python has not is refused', () => {
    expect(() => writeJson(new Date(Date.UTC(10_000, 0, 1)))).toThrow(EncodeError);
  });

  test('what is written as deep as allowed is read again', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1n : [nested(depth - 1)]);

    expect(parseJson(writeJson(nested(1000)).padEnd(2100))).toBeTruthy();
    expect(() => writeJson(nested(1001))).toThrow(EncodeError);
  });

  test('4300 digits are read, whatever the sign, and no more', () => {
    expect(parseJson(`-${'9'.repeat(4300)}`)).toBe(-(10n ** 4300n - 1n));
    expect(() => parseJson('9'.repeat(4301))).toThrow(DecodeError);
  });

  test('an escaped key marks a typed value too', () => {
    expect(() => parseJson('{"\\u005f_type__": "nobody", "__value__": 1}')).toThrow(DecodeError);
  });

  test('an integer beyond 2^53 travels with all its digits', () => {
    expect(writeJson([2 ** 60, 2 ** 53, -(2 ** 69)])).toBe('[1152921504606846976,9007199254740992,-590295810358705651712]');
    expect(writeJson(1e21)).toBe('1e+21');
  });
});
