import { describe, expect, test } from 'vitest';
import { utf8Encode } from '../../src/base/bytes.ts';
import { DecodeError, EncodeError } from '../../src/base/errors.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { MsgpackExt, MsgpackTimestamp } from '../../src/message/serializers/msgpack-types.ts';
import { formatVersions, golden } from '../goldens.ts';
import type { GoldenValue } from '../goldens.ts';
import { msgpack, yaml } from './codecs.ts';

const FORMATS = { msgpack, yaml };
const bytesOf = { msgpack: (text: string) => new Uint8Array(Buffer.from(text, 'hex')), yaml: utf8Encode };

/** What `capturing/formats.py` could not say in JSON, as it is here. */
function fromPortable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromPortable);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const [[key, inner] = ['', undefined], ...more] = Object.entries(value) as [string, unknown][];
  if (more.length === 0 && key === '$set') return new Set((inner as unknown[]).map(fromPortable));
  if (more.length === 0 && key === '$timestamp') return timestamp(inner as [number | bigint, number]);
  if (more.length === 0 && key === '$ext') return new MsgpackExt(...(inner as [number, Uint8Array]));
  const copy = {};
  for (const [name, item] of Object.entries(value))
    Object.defineProperty(copy, name, { value: fromPortable(item), enumerable: true, configurable: true, writable: true });
  return copy;
}

function timestamp([seconds, nanoseconds]: [number | bigint, number]): MsgpackTimestamp {
  return new MsgpackTimestamp(seconds, nanoseconds);
}

/** A whole number comes back as an integer: -0 as 0, and beyond 2^53 as a BigInt of its exact value. */
function whole(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  return typeof value === 'number' && Number.isInteger(value) && value > 2 ** 53 && value < 2 ** 64 ? BigInt(value) : value;
}

const valueOf = (json: string): unknown => fromPortable(parseJson(json));

/** Where we are stricter or laxer than PyYAML, on texts that no serializer writes. */
const OTHER_YAML = new Set(['a:\tb', 'a: [b, c]#d', '!!binary "*"', '&a [*a]']);

/** JavaScript has one number type: -0 and whole floats are written as integers. */
const NOT_THE_SAME_BYTES = /^(?:whole float|minus zero|large float|10\^16 as float|2\^(53|63|64).*|largest float)$/;

describe.each(formatVersions)('what Celery %s writes', (version) => {
  const { values, refused, ...read } = golden(version, 'formats');

  describe.each(['msgpack', 'yaml'] as const)('%s', (format) => {
    const serializer = FORMATS[format];
    const written = Object.entries(values).filter(([, row]) => typeof row[format] === 'string');
    const unwritten = [...Object.entries(values), ...Object.entries(refused)].filter(([, row]) => typeof row[format] !== 'string');

    test.each(written)('%s is read, and written again as the same', (name, row: GoldenValue) => {
      const value = valueOf(row.json);
      const bytes = bytesOf[format](String(row[format]));
      expect(serializer.decode(bytes)).toStrictEqual(Object.is(value, -0) ? -0 : value);
      expect(serializer.decode(serializer.encode(value))).toStrictEqual(whole(value));
      if (format === 'msgpack' && !NOT_THE_SAME_BYTES.test(name))
        expect(Buffer.from(serializer.encode(value)).toString('hex')).toBe(row.msgpack);
    });

    test.each(unwritten.filter(([, row]) => !row.json.startsWith('unspeakable')))('%s is refused by both', (_name, row: GoldenValue) => {
      expect(() => serializer.encode(valueOf(row.json))).toThrow(EncodeError);
    });
  });

  test.each(read.yaml.filter(({ text }) => !OTHER_YAML.has(text)))('yaml $text', ({ text, json }) => {
    if (json === undefined) expect(() => yaml.decode(utf8Encode(text))).toThrow(DecodeError);
    else expect(yaml.decode(utf8Encode(text))).toStrictEqual(valueOf(json));
  });

  test.each(read.msgpack)('msgpack $hex', ({ hex, json }) => {
    const bytes = bytesOf.msgpack(hex);
    if (json === undefined) expect(() => msgpack.decode(bytes)).toThrow(DecodeError);
    else if (!json.startsWith('unspeakable')) expect(msgpack.decode(bytes)).toStrictEqual(valueOf(json));
  });

  test('the rows were captured', () => {
    expect(read.yaml.length).toBeGreaterThan(150);
    expect(writeJson(valueOf('{"$set": ["a"]}') instanceof Set)).toBe('true');
  });
});
