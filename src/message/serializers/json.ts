import { utf8Decode, utf8Encode } from '../../base/bytes.ts';
import type { Serializer } from '../serializer.ts';
import { parseJson } from './json-read.ts';
import { writeJson } from './json-write.ts';

/**
 * JSON as kombu writes and reads it (`kombu/utils/json.py`): typed values in two-key envelopes, integers of any size as
 * BigInt beyond 2^53, NaN and Infinity literals. `docs/types.md` has the whole mapping.
 */
export const jsonSerializer: Serializer = {
  name: 'json',
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  encode: (value) => utf8Encode(writeJson(value)),
  decode: (bytes) => parseJson(utf8Decode(bytes)),
};
