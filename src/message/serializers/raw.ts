import { utf8Decode, utf8Output } from '../../base/bytes.ts';
import { DecodeError, EncodeError } from '../../base/errors.ts';
import type { Serializer } from '../serializer.ts';

const BINARY = new Set(['binary', 'ascii-8bit']);
const TEXT = new Set(['', 'utf-8', 'utf8', 'us-ascii', 'ascii']);

/** Bytes and text as they are. `kombu/serialization.py raw_encode`; text without a serializer comes as `text/plain`. */
export const rawSerializer: Serializer = {
  name: 'raw',
  contentType: 'application/data',
  contentEncoding: 'binary',
  alsoReads: ['text/plain', 'application/text'],
  encodingOf: (value) => (typeof value === 'string' ? 'utf-8' : 'binary'),
  encode: (value) => {
    if (typeof value === 'string') return utf8Output(value);
    if (value instanceof Uint8Array) return value;
    throw new EncodeError('raw carries text or a Uint8Array and nothing else');
  },
  decode: (bytes, contentEncoding = '') => {
    const encoding = contentEncoding.toLowerCase();
    if (BINARY.has(encoding)) return bytes;
    if (TEXT.has(encoding)) return utf8Decode(bytes);
    throw new DecodeError('content_encoding', `unknown encoding ${encoding.slice(0, 100)}`);
  },
};
