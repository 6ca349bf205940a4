import { deflateSync, inflateSync } from 'node:zlib';
import type { Compressor } from '../message/compression.ts';
import { unpack } from './unpack.ts';

/** What Celery calls gzip: a zlib stream (`78 9c…`), not gzip's framing. What follows the stream is not read, as in Python. */
export const zlibCompressor: Compressor = {
  name: 'gzip',
  aliases: ['zlib'],
  contentType: 'application/x-gzip',
  compress: (bytes) => deflateSync(bytes),
  decompress: (bytes, maxBytes) => unpack('a zlib stream', maxBytes, () => inflateSync(bytes, { maxOutputLength: maxBytes })),
};
