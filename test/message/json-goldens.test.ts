import { describe, expect, test } from 'vitest';

import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../src/base/values.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { golden, goldenVersions } from '../goldens.ts';

const MICROSECOND = 678_901;
const MOMENT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** What the values that JSON has no word for, or that JavaScript has two types for, become. */
const EXPECTED: Readonly<Record<string, unknown>> = {
  '2^53 - 1': 2 ** 53 - 1,
  '2^53': 2n ** 53n,
  '2^53 + 1': 2n ** 53n + 1n,
  '2^63': 2n ** 63n,
  '2^64 + 1': 2n ** 64n + 1n,
  'minus 2^70': -(2n ** 70n),
  '10^30': 10n ** 30n,
  'whole float': 1,
  'minus zero': -0,
  '10^16 as float': 1e16,
  'largest float': Number.MAX_VALUE,
  nan: Number.NaN,
  infinity: Infinity,
  'minus infinity': -Infinity,
  'control characters': 'a\n\t\x00\x7f\u2028b',
  unicode: 'zażółć 漢字 🐇',
  'literal in text': 'NaN "Infinity" -Infinity',
  'one of the two keys': { __type__: 'date' },
  'three keys': { __type__: 'date', __value__: '2026-01-02', x: 1 },
  bytes: new Uint8Array([97, 98, 99]),
  'empty bytes': new Uint8Array(),
  binary: new Uint8Array([0, 255]),
  'naive datetime': new DateTime(MOMENT, MICROSECOND, undefined),
  datetime: new DateTime(MOMENT, MICROSECOND, 0),
  'datetime east': new DateTime(Date.UTC(2026, 0, 1, 21, 34, 5), 600, 330),
  'datetime west': new DateTime(Date.UTC(2026, 0, 2, 6, 4, 5), 600, -180),
  'last year': new DateTime(Date.UTC(9999, 11, 31, 23, 59, 59, 999), 999_999, 0),
  date: new PlainDate(2026, 1, 2),
  time: new PlainTime(3, 4, 5, 600),
  'aware time': new PlainTime(3, 4, 0, 0, 0),
  'time east': new PlainTime(3, 4, 5, 0, 330),
  decimal: new Decimal('1.10'),
  'decimal exponent': new Decimal('1E+3'),
  uuid: new Uuid('12345678-1234-4678-9234-567812345678'),
  'int keys': { 1: 'c', null: 'b', '1.5': 'd' },
  'colliding keys': { 1: 'b' },
  tuple: [1, [2]],
};

/** Floats that JavaScript does not tell from integers. */
const CHANGED = new Set(['whole float', 'minus zero', '10^16 as float', 'large float', 'largest float']);

describe.each(goldenVersions.filter((version) => version !== '5.2.6'))('JSON of Celery %s', (version) => {
  const rows = Object.entries(golden(version, 'json').values).flatMap(([name, { json }]) => (json === undefined ? [] : [{ name, json }]));

  test.each(rows.filter(({ name }) => Object.hasOwn(EXPECTED, name)))('$name is read', ({ name, json }) => {
    expect(parseJson(json)).toEqual(EXPECTED[name]);
  });

  test.each(rows.filter(({ name }) => !CHANGED.has(name)))('$name is written as Python wrote it', ({ json }) => {
    const written = writeJson(parseJson(json));

    expect(parseJson(written)).toEqual(parseJson(json));
    if (!/NaN|Infinity/.test(json)) expect(JSON.parse(written)).toEqual(JSON.parse(json));
    if (/^-?\d+$/.test(json)) expect(written).toBe(json);
  });
});

test('what kombu before 5.3 wrote is read as plain text, as that release reads it', () => {
  const { values } = golden('5.2.6', 'json');

  expect(parseJson(values['datetime']?.json ?? '')).toBe('2026-01-02T03:04:05.678901Z');
  expect(parseJson(values['decimal']?.json ?? '')).toBe('1.10');
  for (const { json } of Object.values(values)) if (json !== undefined) expect(() => parseJson(json)).not.toThrow();
});
