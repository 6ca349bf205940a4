/** Values that the suite of formats sends, per serializer: what JavaScript has, and the same as Python spells it. */

import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../src/base/values.ts';
import { MsgpackExt, MsgpackTimestamp } from '../src/message/serializers/msgpack-types.ts';

/** The serializers of the matrix. */
export const serializers = ['json', 'msgpack', 'yaml'] as const;
export type Format = (typeof serializers)[number];

/** The compressions of the matrix; `undefined` is none. */
export const compressions: readonly (string | undefined)[] = [undefined, 'gzip'];

/** One value: in JavaScript, in Python, and the class that Python takes it for. */
type Typed = readonly [value: unknown, python: string, type: string];

const everywhere: readonly Typed[] = [
  [null, 'None', 'NoneType'],
  [true, 'True', 'bool'],
  [false, 'False', 'bool'],
  [0, '0', 'int'],
  [-1, '-1', 'int'],
  [200, '200', 'int'],
  [-70_000, '-70000', 'int'],
  [2 ** 31, '2**31', 'int'],
  [2 ** 53 - 1, '2**53 - 1', 'int'],
  [-(2 ** 40), '-(2**40)', 'int'],
  [2n ** 60n + 1n, '2**60 + 1', 'int'],
  [2n ** 64n - 1n, '2**64 - 1', 'int'],
  [-(2n ** 63n), '-(2**63)', 'int'],
  [1.5, '1.5', 'float'],
  [1e-7, '1e-07', 'float'],
  [1.25e300, '1.25e300', 'float'],
  [Number.NaN, 'float("nan")', 'float'],
  [-Infinity, 'float("-inf")', 'float'],
  ['', '""', 'str'],
  ['yes', '"yes"', 'str'],
  ['2026-01-02', '"2026-01-02"', 'str'],
  [[1, [2, []]], '[1, [2, []]]', 'list'],
  [{ a: { b: {} }, 'a key': 2, constructor: 1 }, '{"a": {"b": {}}, "a key": 2, "constructor": 1}', 'dict'],
  [Uint8Array.of(0, 255), 'b"\\x00\\xff"', 'bytes'],
  [new Uint8Array(0), 'b""', 'bytes'],
];

const dates: readonly Typed[] = [
  [DateTime.fromIso('2026-01-02T03:04:05.678901+05:30'), 'datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=EAST)', 'datetime'],
  [DateTime.fromIso('2026-01-02T03:04:05'), 'datetime.datetime(2026, 1, 2, 3, 4, 5)', 'datetime'],
  [new PlainDate(2026, 1, 2), 'datetime.date(2026, 1, 2)', 'date'],
];

const beyond: readonly Typed[] = [[2n ** 70n, '2**70', 'int']];

/** One value in both languages. */
export interface Payload {
  readonly value: unknown;
  readonly python: string;
}

/** Every type that a format can carry. */
export const everyType: Readonly<Record<Format, readonly Typed[]>> = {
  json: [
    ...everywhere,
    ...beyond,
    ...dates,
    [new PlainTime(3, 4, 5, 600), 'datetime.time(3, 4, 5, 600)', 'time'],
    [new Decimal('1.10'), 'Decimal("1.10")', 'Decimal'],
    [new Uuid('12345678-1234-4678-9234-567812345678'), 'UUID("12345678-1234-4678-9234-567812345678")', 'UUID'],
  ],
  msgpack: [
    ...everywhere,
    [new MsgpackExt(42, Uint8Array.of(1, 2, 3)), 'ExtType(42, b"\\x01\\x02\\x03")', 'ExtType'],
    [new MsgpackTimestamp(-5, 7), 'Timestamp(-5, 7)', 'Timestamp'],
  ],
  // A key of YAML may be long, and a set is YAML's own.
  yaml: [...everywhere, ...beyond, ...dates, [new Set(['a']), '{"a"}', 'set'], [{ ['k'.repeat(1500)]: 1 }, '{"k" * 1500: 1}', 'dict']],
};

/** What is sent besides: a megabyte (in few pieces for YAML, which Python reads a character at a time), characters, nothing. */
export function payloads(format: Format): Readonly<Record<string, Payload>> {
  const types = everyType[format];
  const [pieces, size] = format === 'yaml' ? [8, 131_072] : [1024, 1024];
  const unicode = 'zażółć 漢字 🐇 \u0000\u0007\u0085\u2028\ufeff\u007f "quotes" \\ \t\r\n end ';
  return {
    'every type': { value: types.map(([value]) => value), python: `[${types.map(([, python]) => python).join(', ')}]` },
    '1 MB': {
      value: Array.from({ length: pieces }, () => 'x y:z '.repeat(size).slice(0, size)),
      python: `[("x y:z " * ${size})[:${size}]] * ${pieces}`,
    },
    unicode: { value: { [unicode]: [unicode] }, python: `{${pythonText(unicode)}: [${pythonText(unicode)}]}` },
    empty: { value: ['', [], {}], python: '["", [], {}]' },
  };
}

/** A text as a Python literal in ASCII. */
function pythonText(text: string): string {
  return `"${Array.from(text, (char) => `\\U${(char.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`).join('')}"`;
}
