import { deflateSync, inflateSync } from 'node:zlib';
import { DecodeError, LimitError } from '../base/errors.ts';
import type { Compressor } from '../message/compression.ts';

/** What Celery calls gzip: a zlib stream (`78 9c…`), not gzip's framing. */
export const zlibCompressor: Compressor = {
  name: 'gzip',
  aliases: ['zlib'],
  contentType: 'application/x-gzip',
  compress: (bytes) => deflateSync(bytes),
  decompress: (bytes, maxBytes) => {
    try {
      return inflateSync(bytes, { maxOutputLength: maxBytes });
    } catch (error) {
      if (error instanceof RangeError) throw new LimitError(`a compressed body of more than ${maxBytes} bytes`, { cause: error });
      throw new DecodeError('', 'not a zlib stream', { cause: error });
    }
  },
};
