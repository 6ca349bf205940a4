import { isWellFormed } from '../../base/bytes.ts';
import type { Serializer } from '../serializer.ts';
import { KeyCache } from './msgpack-keys.ts';
import { readMsgpack } from './msgpack-read.ts';
import { writeMsgpack } from './msgpack-write.ts';
import { plainCheck } from './plain.ts';

/** Packs values of text, booleans, null, numbers, arrays and plain objects, and nothing else. Made in `driver`. */
export type PackPlain = (value: unknown) => Uint8Array;

/**
 * MessagePack as kombu writes and reads it: `packb(use_bin_type=True)`, `unpackb(raw=False)`. `packPlain` writes what is
 * plain, nearly every body; the rest (bytes, large integers, extensions, what must be refused) is written with care.
 */
export function msgpackSerializer(packPlain: PackPlain): Serializer {
  const keys = new KeyCache();
  return {
    name: 'msgpack',
    contentType: 'application/x-msgpack',
    contentEncoding: 'binary',
    encode: (value) => (isPlain(value) ? packPlain(value) : writeMsgpack(value)),
    decode: (bytes) => readMsgpack(bytes, keys),
  };
}

/** Names that the packer would take for an object's own nature. */
const ODD_KEYS = new Set(['toJSON', 'constructor', 'hasOwnProperty']);

const isPlain = plainCheck({
  // An integer beyond 32 bits would become a float.
  number: (value) => !Number.isInteger(value) || (value >= -0x8000_0000 && value <= 0xffff_ffff && !Object.is(value, -0)),
  text: isWellFormed,
  key: (name) => !ODD_KEYS.has(name) && isWellFormed(name),
});
