import type { AmqpCase, Cases, Ends } from './case.ts';

const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);
/** `[[1, value], {}, null]`. */
const body = (value: Buffer): Buffer => Buffer.concat([bytes(0x93, 0x92, 0x01), value, bytes(0x80, 0xc0)]);
const packed = (given: Buffer, ours: Ends, python: Ends): AmqpCase => ({
  contentType: 'application/x-msgpack',
  contentEncoding: 'binary',
  body: given,
  ours,
  python,
  ...(ours === 'refused' ? { stores: 'DecodeError' } : undefined),
});
const refused = (given: Buffer): AmqpCase => packed(given, 'refused', 'lost');
const runs = (value: Buffer): AmqpCase => packed(body(value), 'ran', 'ran');
const FULL = [0xff, 0xff, 0xff, 0xff] as const;

/** msgpack bodies, for workers that accept msgpack: the rows M. */
export const MSGPACK: Cases = {
  'M01 truncated': refused(body(bytes(0xc0)).subarray(0, 3)),
  'M02 array of 2^32−1': refused(body(bytes(0xdd, ...FULL))),
  'M03 map of 2^32−1': refused(body(bytes(0xdf, ...FULL))),
  'M04 bytes of 2^32−1': refused(body(bytes(0xc6, ...FULL))),
  'M05 extension of 2^32−1': refused(body(bytes(0xc9, ...FULL, 0x05))),
  'M06 text of 2^32−1': refused(body(bytes(0xdb, ...FULL))),
  'M07 bad UTF-8': refused(body(bytes(0xa2, 0xff, 0xfe))),
  'M08 nesting 5000': refused(body(Buffer.concat([Buffer.alloc(5000, 0x91), bytes(0xc0)]))),
  'M09 integer as a key': refused(body(bytes(0x81, 0x01, 0x02))),
  'M10 array as a key': refused(body(bytes(0x81, 0x90, 0x02))),
  'M11 trailing bytes': refused(Buffer.concat([body(bytes(0xc0)), bytes(0xc0)])),
  'M12 0xc1': refused(body(bytes(0xc1))),
  'M13 empty': packed(bytes(), 'refused', 'crash'),
  'M14 extension 42': runs(bytes(0xd4, 42, 1)),
  'M15 timestamp at its latest': runs(bytes(0xc7, 12, 0xff, 0x3b, 0x9a, 0xc9, 0xff, 0x7f, ...FULL, ...FULL.slice(1))),
  'M16 uint64 at its largest': runs(bytes(0xcf, ...FULL, ...FULL)),
  'M17 NaN': runs(bytes(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)),
  'M18 bytes': runs(bytes(0xc4, 2, 0xff, 0)),
  'M19 __proto__ as a key': runs(Buffer.concat([bytes(0x81, 0xa9), Buffer.from('__proto__'), bytes(0x81, 0xa1, 0x61, 0x01)])),
  'M20 timestamp of 5 bytes': refused(body(bytes(0xc7, 5, 0xff, 0, 0, 0, 0, 0))),
  'M21 good': runs(bytes(0x02)),
};
