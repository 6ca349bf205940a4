import { describe, expect, test } from 'vitest';
import { utf8Encode } from '../../src/base/bytes.ts';
import { DecodeError, EncodeError } from '../../src/base/errors.ts';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../src/base/values.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { serializerConformance } from '../conformance/serializer.ts';

const write = (value: unknown): string => new TextDecoder().decode(jsonSerializer.encode(value));
const read = (text: string): unknown => jsonSerializer.decode(utf8Encode(text));
const typed = (type: string, value: string): string => `{"__type__": "${type}", "__value__": ${value}}`;
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('json', () => {
  serializerConformance(jsonSerializer);
});

describe('typed values', () => {
  /** The text is what kombu 5.6 writes. */
  const golden: [string, unknown][] = [
    [typed('datetime', '"2026-11-24T10:11:12"'), DateTime.fromIso('2026-11-24T10:11:12')],
    [typed('datetime', '"2026-11-24T10:11:12.123456+05:30"'), DateTime.fromIso('2026-11-24T10:11:12.123456+05:30')],
    [typed('date', '"2026-01-02"'), new PlainDate(2026, 1, 2)],
    [typed('time', '"01:02:03.000004"'), new PlainTime(1, 2, 3, 4)],
    [typed('decimal', '"1.10"'), new Decimal('1.10')],
    [typed('uuid', '{"hex": "00000000000000000123456789abcdef"}'), new Uuid('00000000000000000123456789abcdef')],
    [typed('bytes', '"abc"'), Uint8Array.of(97, 98, 99)],
    [typed('base64', '"/wA="'), Uint8Array.of(255, 0)],
    ['18446744073709551616', 2n ** 64n],
    ['[NaN, Infinity, -Infinity]', [Number.NaN, Infinity, -Infinity]],
    ['"\\ud800"', '\ud800'],
  ];

  test.each(golden)("reads kombu's %s and writes the same", (text, value) => {
    expect(read(text)).toStrictEqual(value);
    expect(write(value)).toBe(text.replaceAll(/([,:]) /g, '$1'));
  });

  test('need exactly their two keys', () => {
    expect(read('{"__type__":"x","__value__":1,"a":2}')).toEqual({ __type__: 'x', __value__: 1, a: 2 });
    expect(read('{"__type__":"x"}')).toEqual({ __type__: 'x' });
  });

  test.each([
    typed('x', '1'),
    typed('constructor', '1'),
    '{"__type__":null,"__value__":1}',
    typed('datetime', '"hello"'),
    typed('date', '5'),
    typed('uuid', '"00"'),
    typed('base64', '"*"'),
  ])('are refused as %s', (text) => {
    expect(() => read(text)).toThrow(DecodeError);
  });

  test('write a Date as an aware datetime', () => {
    expect(write(new Date(1))).toBe('{"__type__":"datetime","__value__":"1970-01-01T00:00:00.001000+00:00"}');
  });
});

describe('reading', () => {
  test('keeps integers beyond 2^53 exact', () => {
    expect(read('[9007199254740993, -9007199254740993, 12345678901234567.5]')).toEqual([
      9007199254740993n,
      -9007199254740993n,
      12_345_678_901_234_568,
    ]);
    expect(read('9'.repeat(4300))).toBe(BigInt('9'.repeat(4300)));
    expect(() => read('9'.repeat(4301))).toThrow(DecodeError);
    expect(read('1e400')).toBe(Infinity);
  });

  test('leaves NaN and Infinity inside strings alone', () => {
    expect(read('["NaN", "\\"Infinity", NaN]')).toEqual(['NaN', '"Infinity', Number.NaN]);
  });

  test('keeps __proto__ as data', () => {
    for (const text of ['{"__proto__": {"a": 1}}', '{"__proto__": {"a": 1}, "n": NaN}']) {
      const value = read(text) as object;
      expect(Object.hasOwn(value, '__proto__')).toBe(true);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    }
  });

  test('goes 1000 levels deep and no further', () => {
    expect(() => read(nested(1000))).not.toThrow();
    expect(() => read(nested(1001))).toThrow(DecodeError);
    expect(() => read('['.repeat(1_000_000))).toThrow(DecodeError);
  });

  test.each(['', '\ufeff1', '1 2', '{"a":1}x', '"a\tb"', 'nan', '[1,]'])('refuses %j', (text) => {
    expect(() => read(text)).toThrow(DecodeError);
  });

  test('refuses UTF-16', () => {
    expect(() => jsonSerializer.decode(new Uint8Array(Buffer.from('{"a":1}', 'utf16le')))).toThrow(DecodeError);
  });
});

describe('writing', () => {
  test('treats undefined as JSON.stringify does, and as null at the top', () => {
    expect(write({ a: undefined, b: [undefined], c: 1 })).toBe('{"b":[null],"c":1}');
    expect(write(undefined)).toBe('null');
  });

  test('uses toJSON', () => {
    expect(write([{ toJSON: () => ({ a: 1n }) }])).toBe('[{"a":1}]');
  });

  test.each([
    ['a function', [(): void => undefined], '$[0]'],
    ['a symbol', { a: Symbol('s') }, '$.a'],
    ['a Map', { a: new Map() }, '$.a'],
    ['a Set', [new Set()], '$[0]'],
    ['other views', [new Float64Array(1)], '$[0]'],
    ['an invalid Date', [new Date(Number.NaN)], '$[0]'],
    ['the two reserved keys', { a: { __type__: 'date', __value__: 1 } }, '$.a'],
  ])('refuses %s and names the path', (_what, value, path) => {
    expect(() => write(value)).toThrow(EncodeError);
    expect(() => write(value)).toThrow(path);
  });

  test('refuses cycles and 5000 levels without overflowing', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(() => write(cycle)).toThrow(EncodeError);
    let deep: unknown = 1;
    for (let level = 0; level < 5000; level += 1) deep = [deep];
    expect(() => write(deep)).toThrow(EncodeError);
  });
});
