import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { readFields } from '../../src/driver/amqp-fields.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { tagTable } from '../../src/transport/amqp/arguments.ts';
import { golden, goldenVersions } from '../goldens.ts';

const require = createRequire(import.meta.url);
const { encodeTable } = require(join(dirname(require.resolve('amqplib')), 'lib/codec.js')) as {
  encodeTable: (buffer: Buffer, table: unknown, offset: number) => number;
};

type Table = Readonly<Record<string, unknown>>;

/** A table as the connection writes it, without its length. */
function encode(table: Table): Buffer {
  const buffer = Buffer.alloc(10_000);
  return buffer.subarray(
    4,
    encodeTable(
      buffer,
      tagTable(table, (bytes) => Buffer.from(bytes)),
      0,
    ),
  );
}

/** The table with a large integer tagged as py-amqp tags it. */
const asPythonTags = (hex: string): string => hex.replaceAll(/4c(?=0000|ffffffff|001f|0020|7fff|8000)/g, '6c');

/** JavaScript writes a float without a fraction as an integer. */
const WHOLE_FLOATS = 'floats';

describe.each(goldenVersions)('field tables of Celery %s', (version) => {
  const { tables, 'without json': others } = golden(version, 'amqp-tables');

  test.each(Object.entries(tables))('%s is read as Python wrote it', (_name, { json, hex }) => {
    expect(readFields(Buffer.from(hex, 'hex'))).toEqual(parseJson(json));
  });

  test.each(Object.entries(tables).filter(([name]) => name !== WHOLE_FLOATS))(
    '%s is written as Python writes it',
    (_name, { json, hex }) => {
      expect(encode(parseJson(json) as Table).toString('hex')).toBe(asPythonTags(hex));
    },
  );

  test('times and decimals are read; bytes come as text, as Python sends them', () => {
    const read = (name: string): unknown => readFields(Buffer.from(others[name]?.hex ?? '', 'hex'));

    expect(read('timestamp')).toEqual({ at: new Date('2026-01-02T03:04:05Z') });
    expect(read('decimal')).toEqual({ price: 1.1, minus: -2.5 });
    expect(read('bytes')).toMatchObject({ text: 'abc' });
  });
});

const WRITTEN: Readonly<Record<string, Table>> = {
  empty: {},
  constants: { yes: true, no: false, none: null },
  'small integers': { zero: 0, one: 1, minus: -1, byte: 127, over: 128, under: -129, short: 32_768 },
  'large integers': { max: 2 ** 31 - 1, min: -(2 ** 31) + 1, over: 2 ** 31, ms: 1_767_323_045_678 },
  'big integers': { safe: Number.MAX_SAFE_INTEGER, over: 2n ** 53n + 1n, max: 2n ** 63n - 1n },
  floats: { half: 1.5, tenth: 0.1, minus: -2.5, tiny: 1e-300 },
  text: { empty: '', unicode: 'zażółć 漢字 🐇' },
  nested: { timelimit: [300, 200], list: [1, 'a', null, [2 ** 40, { x: true }]], dict: { a: { b: [], c: {} } } },
};

describe('tables written by us', () => {
  test.each(Object.entries(WRITTEN))('%s are read back as they were', (_name, table) => {
    expect(readFields(encode(table))).toEqual(table);
  });

  // Each py-amqp reads this file in `npm run interop`; `npx vitest -u` rewrites it.
  test('are those that every py-amqp has read', async () => {
    const fixture = Object.entries(WRITTEN).map(([name, table]) => [name, { json: writeJson(table), hex: encode(table).toString('hex') }]);

    await expect(`${JSON.stringify(Object.fromEntries(fixture), undefined, 2)}\n`).toMatchFileSnapshot(
      '../../interop/fixtures/amqp-tables.json',
    );
  });

  test('bytes are sent as bytes, at any depth', () => {
    const bytes = new Uint8Array([0, 255]);

    expect(readFields(encode({ bytes, inside: [{ bytes }] }))).toEqual({ bytes, inside: [{ bytes }] });
  });

  test('undefined is left out, dates are whole seconds', () => {
    expect(readFields(encode({ a: undefined, at: new Date(1999) }))).toEqual({ at: new Date(1000) });
  });
});

describe('readFields is total', () => {
  test.each([
    ['an unknown tag', '01615a'],
    ['text that ends too soon', '01615300000005ab'],
    ['a table longer than its frame', '016146000000ff'],
    ['a key longer than its frame', 'ff61'],
    ['nested too deep', '016141'.padEnd(6 + 500 * 10, '0000ffff41')],
  ])('%s gives no headers', (_name, hex) => {
    expect(readFields(Buffer.from(hex, 'hex'))).toEqual({});
  });

  test('every tag of RabbitMQ is read', () => {
    const table = Buffer.from(
      '01616202016242ff0163730102016475ffff016569ffffffff01665500ff016c6cffffffffffffffff016d663fc00000016e780000000161',
      'hex',
    );

    expect(readFields(table)).toEqual({
      a: 2,
      b: 255,
      c: 258,
      d: 65_535,
      e: 4_294_967_295,
      f: 255,
      l: -1,
      m: 1.5,
      n: new Uint8Array([0x61]),
    });
  });
});
