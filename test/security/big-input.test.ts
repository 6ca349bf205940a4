import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DecodeError, LimitError } from '../../src/base/errors.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { readFields } from '../../src/driver/amqp-fields.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';

const MIB = 1024 * 1024;
const nested = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`;

describe('a bomb', () => {
  const most = 8 * MIB;

  test('of 300 kB that grows to 300 MB stops at the limit', () => {
    const bomb = deflateSync(Buffer.alloc(300 * MIB));
    const before = process.memoryUsage.rss();

    expect(() => zlibCompressor.decompress(bomb, most)).toThrow(LimitError);

    expect(process.memoryUsage.rss() - before).toBeLessThan(2 * most + 32 * MIB);
  });

  test('inside a bomb is only bytes', () => {
    const inner = deflateSync(Buffer.alloc(100 * MIB));
    expect(zlibCompressor.decompress(deflateSync(inner), most).length).toBe(inner.length);
  });
});

describe('JSON', () => {
  test.each([500, 1000])('nested %i deep is read', (depth) => {
    expect(Array.isArray(parseJson(nested(depth)))).toBe(true);
  });

  test.each([1001, 10_000, 100_000, 1_000_000])('nested %i deep is refused, not overflowed', (depth) => {
    expect(() => parseJson(nested(depth))).toThrow(DecodeError);
    expect(() => parseJson('{"a":'.repeat(depth) + '}'.repeat(depth))).toThrow(DecodeError);
  });

  test('never rounds an integer, never invents one', () => {
    expect(() => parseJson('9'.repeat(5000))).toThrow(DecodeError);
    expect(parseJson('18446744073709551616')).toBe(18446744073709551616n);
    expect(parseJson('1e400')).toBe(Number.POSITIVE_INFINITY);
  });

  test('of 64 MB, or of a million keys, is read', () => {
    expect((parseJson(`"${'x'.repeat(64 * MIB)}"`) as string).length).toBe(64 * MIB);
    const keys = Array.from({ length: 1_000_000 }, (_item, index) => `"${index}":0`).join(',');
    expect(Object.keys(parseJson(`{${keys}}`) as object)).toHaveLength(1_000_000);
  });
});

describe('an AMQP table', () => {
  const entry = (name: string, value: readonly number[]): Buffer =>
    Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from(value)]);

  test('of 10 000 keys is read', () => {
    const table = Buffer.concat(Array.from({ length: 10_000 }, (_item, index) => entry(`h${index}`, [0x74, 1])));
    expect(Object.keys(readFields(table))).toHaveLength(10_000);
  });

  test.each([
    ['of an unknown tag', [0x7a, 0]],
    ['of a length beyond its frame', [0x53, 0xff, 0xff, 0xff, 0xff]],
    ['of an array beyond its frame', [0x41, 0xff, 0xff, 0xff, 0xff]],
    ['of bytes beyond its frame', [0x78, 0xff, 0xff, 0xff, 0xff]],
    ['cut short', [0x49, 0]],
  ])('%s has no fields, and is no error', (_what, value) => {
    expect(readFields(entry('a', value))).toEqual({});
  });

  test('of bad UTF-8, decimals and nothing is read', () => {
    const table = Buffer.concat([entry('s', [0x53, 0, 0, 0, 1, 0xff]), entry('d', [0x44, 2, 0, 0, 1, 0x3a]), entry('v', [0x56])]);
    expect(readFields(table)).toEqual({ s: '\ufffd', d: 3.14, v: null });
  });

  test('3000 deep is refused, not overflowed', () => {
    let value: Buffer = Buffer.from([0x56]);
    for (let depth = 0; depth < 3000; depth += 1) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(value.length);
      value = Buffer.concat([Buffer.from([0x41]), length, value]);
    }
    expect(readFields(entry('a', [...value]))).toEqual({});
  });
});
