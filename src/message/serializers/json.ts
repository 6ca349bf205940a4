import { utf8Decode, utf8Output } from '../../base/bytes.ts';
import type { Serializer } from '../serializer.ts';
import { parseJson } from './json-read.ts';
import { NO_TYPES } from './json-own-types.ts';
import type { JsonTypes } from './json-own-types.ts';
import { writeJson } from './json-write.ts';

/**
 * JSON as kombu writes and reads it (`kombu/utils/json.py`): typed values in two-key envelopes, integers of any size as
 * BigInt beyond 2^53, NaN and Infinity literals. `docs/types.md` has the whole mapping.
 */
export const jsonSerializer: Serializer = jsonSerializerWith(NO_TYPES);

/** The same with types of the user's own. */
export function jsonSerializerWith(types: JsonTypes): Serializer {
  return {
    name: 'json',
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    encode: (value) => utf8Output(writeJson(value, types)),
    decode: (bytes) => parseJson(utf8Decode(bytes), types),
  };
}
