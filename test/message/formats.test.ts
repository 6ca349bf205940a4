import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { utf8Encode } from '../../src/base/bytes.ts';
import { DecodeError, EncodeError } from '../../src/base/errors.ts';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../src/base/values.ts';
import { MsgpackExt, MsgpackTimestamp } from '../../src/message/serializers/msgpack-types.ts';
import { writeMsgpack } from '../../src/message/serializers/msgpack-write.ts';
import { writeYaml } from '../../src/message/serializers/yaml-write.ts';
import { serializerConformance } from '../conformance/serializer.ts';
import { msgpack, yaml } from './codecs.ts';

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const readYaml = (text: string): unknown => yaml.decode(utf8Encode(text));

describe('msgpack', () => {
  serializerConformance(msgpack, (value) => value >= -(2 ** 63) && value < 2 ** 64);

  test('has one text for a value, whichever of the two writers takes it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(Buffer.from(writeMsgpack(value)).toString('hex')).toBe(Buffer.from(msgpack.encode(value)).toString('hex'));
      }),
    );
  });

  test('is what another reader reads', () => {
    const other = new Unpackr({ useRecords: false });
    const value = ['x'.repeat(70_000), Array.from({ length: 70_000 }, (_item, index) => index), 2n ** 63n, { a: -5, b: 1.5 }];
    for (const bytes of [writeMsgpack(value), msgpack.encode(value)]) expect(other.unpack(bytes)).toEqual(value);
  });

  test.each([
    new Date(0),
    DateTime.fromEpochMs(0),
    new PlainDate(2026, 1, 2),
    new PlainTime(1, 2),
    new Decimal('1'),
    new Uuid('0'.repeat(32)),
  ])('has no word for %s', (value) => {
    expect(() => msgpack.encode([{ at: value }])).toThrow(/^\$\[0\]\.at: msgpack has no word for/);
  });

  test.each([2n ** 64n, -(2n ** 63n) - 1n, ['\ud800'], { '\udc00': 1 }, new Set([1])])('refuses %s', (value) => {
    expect(() => msgpack.encode(value)).toThrow(EncodeError);
  });

  test.each([
    [new MsgpackExt(5, Uint8Array.of(1)), 'd40501'],
    [new MsgpackExt(127, new Uint8Array(3)), 'c7037f000000'],
    [new MsgpackExt(0, new Uint8Array(300)), `c8012c00${'00'.repeat(300)}`],
    [new MsgpackTimestamp(1), 'd6ff00000001'],
    [new MsgpackTimestamp(2n ** 32n, 5), 'd7ff0000001500000000'],
    [new MsgpackTimestamp(-1, 999_999_999), 'c70cff3b9ac9ffffffffffffffffff'],
  ])('%o travels', (value, hex) => {
    expect(Buffer.from(msgpack.encode(value)).toString('hex')).toBe(hex);
    expect(msgpack.decode(fromHex(hex))).toStrictEqual(value);
  });

  test('turns timestamps into dates and back, beyond what a Date holds without a throw', () => {
    for (const date of [new Date(0), new Date(-1), new Date(1_767_323_045_678)])
      expect(MsgpackTimestamp.fromDate(date).toDate()).toEqual(date);
    expect(new MsgpackTimestamp(2n ** 62n).toDate().getTime()).toBeNaN();
    expect(() => new MsgpackExt(128, new Uint8Array(1))).toThrow(RangeError);
    expect(() => MsgpackTimestamp.fromDate(new Date(Number.NaN))).toThrow(RangeError);
  });

  test('gives bytes of their own, whatever they came in', () => {
    const message = Buffer.from('c403010203', 'hex');
    const bytes = msgpack.decode(message) as Uint8Array;
    message.fill(0);
    expect(bytes).toStrictEqual(Uint8Array.of(1, 2, 3));
  });

  test('tells keys of one length apart', () => {
    const keys = Array.from({ length: 2000 }, (_item, index) => `key-${String(index).padStart(4, '0')}`);
    const value = Object.fromEntries(keys.map((key, index) => [key, index]));
    for (let round = 0; round < 3; round += 1) expect(msgpack.decode(msgpack.encode(value))).toEqual(value);
  });

  test.each(['ddffffffff', 'dfffffffff', 'c6ffffffff', 'dbffffffff', 'c9ffffffff05', `${'dd7fffffff'.repeat(900)}`])(
    'allocates nothing for what %s promises',
    (hex) => {
      const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
      expect(() => msgpack.decode(fromHex(hex))).toThrow(DecodeError);
      expect(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before).toBeLessThan(32 * 1024 * 1024);
    },
  );
});

describe('yaml', () => {
  serializerConformance(yaml);

  test.each([
    [{ a: [1, 1.5, true, null, 'yes'] }, '{"a": [1, 1.5, true, null, "yes"]}\n'],
    [[1e-7, 1e21, -1.5e300, Number.NaN, Infinity, -Infinity], '[1.0e-7, 1.0e+21, -1.5e+300, .nan, .inf, -.inf]\n'],
    [Uint8Array.of(255, 0), '!!binary "/wA="\n'],
    [new Set(['a', 1]), '!!set {"a": null, 1: null}\n'],
    [new PlainDate(2026, 1, 2), '!!timestamp "2026-01-02"\n'],
    [new Date(1), '!!timestamp "1970-01-01T00:00:00.001000+00:00"\n'],
    [DateTime.fromIso('2026-01-02T03:04:05'), '!!timestamp "2026-01-02T03:04:05"\n'],
    ['\u0085\u2028\ufeff\x7f\ud800🐇', '"\\u0085\\u2028\\ufeff\\u007f\\ud800🐇"\n'],
    [{ ['k'.repeat(1100)]: 1 }, `{? "${'k'.repeat(1100)}" : 1}\n`],
  ])('writes %o', (value, text) => {
    expect(writeYaml(value)).toBe(text);
    const back = readYaml(text);
    expect(back).toStrictEqual(value instanceof Date && !(value instanceof DateTime) ? DateTime.fromEpochMs(value.getTime()) : value);
  });

  test.each([new PlainTime(1, 2), new Decimal('1'), new Uuid('0'.repeat(32))])('has no word for %s', (value) => {
    expect(() => yaml.encode([value])).toThrow(/^\$\[0\]: yaml has no word for/);
  });

  test('gives an alias the very value it stands for', () => {
    const value = readYaml('a: &x [1]\nb: *x\n') as { a: unknown; b: unknown };
    expect(value.b).toBe(value.a);
  });

  test.each([
    [
      'a billion laughs',
      `${Array.from({ length: 20 }, (_item, level) => `a${level}: &a${level} [${`${level === 0 ? 'x' : `*a${level - 1}`}, `.repeat(10)}]`).join('\n')}\n`,
    ],
    [
      'merges of merges',
      `${Array.from({ length: 30 }, (_item, level) => `a${level}: &a${level} {${level === 0 ? 'x: 1' : `<<: [*a${level - 1}, *a${level - 1}, *a${level - 1}]`}}`).join('\n')}\n`,
    ],
    ['a value that holds itself', '&a [*a]'],
    ['a merge of itself', '&a {<<: *a}'],
    ['deep brackets', '['.repeat(100_000)],
    ['deep braces', '{a: '.repeat(30_000)],
    ['deep dashes', '- '.repeat(50_000)],
    ['deep marks', '? '.repeat(20_000)],
    ['deep indents', Array.from({ length: 2000 }, (_item, level) => `${' '.repeat(level)}a:\n`).join('')],
    ['a long integer', '9'.repeat(4301)],
    ['a long sexagesimal', `1${':1'.repeat(3000)}`],
  ])('refuses %s, soon', (_what, text) => {
    const start = performance.now();
    expect(() => readYaml(text)).toThrow(DecodeError);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test.each([`${'1_'.repeat(50_000)}x`, `${'1:'.repeat(50_000)}x`, `2026-01-02${' '.repeat(100_000)}x`, `${'0'.repeat(100_000)}x`])(
    'is quick about long text that is nearly a number',
    (text) => {
      const start = performance.now();
      expect(readYaml(text)).toBeTypeOf('string');
      expect(performance.now() - start).toBeLessThan(500);
    },
  );
});
