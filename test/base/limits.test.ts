import { describe, expect, test } from 'vitest';
import { LimitError } from '../../src/base/errors.ts';
import { DEFAULT_LIMITS, RATIO_FREE_BYTES, checkDepth, checkHeaders, outputCeiling } from '../../src/base/limits.ts';

const nested = (depth: number): unknown => Array.from({ length: depth }).reduce((inner: unknown) => ({ a: [inner] }), null);

describe('outputCeiling', () => {
  test.each([
    [10, RATIO_FREE_BYTES],
    [10_000, 2_000_000],
    [10_000_000, 64 * 1024 * 1024],
  ])('%d bytes may become %d', (bytes, most) => {
    expect(outputCeiling(bytes, DEFAULT_LIMITS)).toBe(most);
  });

  test('never exceeds the ceiling in bytes, however small', () => {
    expect(outputCeiling(10_000, { maxDecompressedBytes: 100, maxDecompressedRatio: 200 })).toBe(100);
  });
});

describe('checkHeaders', () => {
  const limits = { ...DEFAULT_LIMITS, maxHeaders: 3, maxHeaderBytes: 100, maxDepth: 4 };

  test.each([
    ['none', {}],
    ['as many as may be', { a: 1, b: null, c: new Date(0) }],
    ['as large as may be', { a: 'x'.repeat(99) }],
    ['as large as may be in three bytes each', { a: '漢'.repeat(33) }],
    ['as large as may be in four bytes each', { abc: '🐇'.repeat(24) }],
    ['as deep as may be', { a: [{ b: [1] }] }],
    ['its own __proto__', JSON.parse('{"__proto__": "x"}')],
  ])('takes %s', (_name, headers: Readonly<Record<string, unknown>>) => {
    expect(() => checkHeaders(headers, limits)).not.toThrow();
  });

  test.each([
    ['one too many', { a: 1, b: 2, c: 3, d: 4 }],
    ['one byte too much', { a: 'x'.repeat(100) }],
    ['one character of three bytes too much', { a: '漢'.repeat(34) }],
    ['a long name', { ['n'.repeat(101)]: 1 }],
    ['much inside', { a: [['x'.repeat(50)], { b: 'x'.repeat(50) }] }],
    ['many numbers', { a: Array.from({ length: 20 }, () => 1) }],
    ['many bytes', { a: new Uint8Array(101) }],
    ['one level too many', { a: [{ b: [[]] }] }],
  ])('refuses %s', (_name, headers) => {
    expect(() => checkHeaders(headers, limits)).toThrow(LimitError);
  });
});

describe('checkDepth', () => {
  test('counts arrays and objects within one another', () => {
    expect(() => checkDepth(nested(5), 10)).not.toThrow();
    expect(() => checkDepth(nested(5), 9)).toThrow('nested deeper than 9 levels');
    expect(() => checkDepth([new Date(0), new Uint8Array(5), 'x'], 1)).not.toThrow();
  });

  test('takes a value of any width', () => {
    expect(() =>
      checkDepth(
        Array.from({ length: 300_000 }, () => []),
        2,
      ),
    ).not.toThrow();
  });
});
