import { deflateSync, inflateSync } from 'node:zlib';
import type { Compressor } from '../message/compression.ts';
import { outputChunk, unpack } from './unpack.ts';

/** The first bytes of a stream with the largest window, which Python's always name. A smaller one is read by it all the same. */
const HEADER = [0x78, 0x9c];
/** What deflate keeps of its window for looking ahead. */
const LOOKAHEAD = 262;

/** What Celery calls gzip: a zlib stream (`78 9c…`), not gzip's framing. What follows the stream is not read, as in Python. */
export const zlibCompressor: Compressor = {
  name: 'gzip',
  aliases: ['zlib'],
  contentType: 'application/x-gzip',
  compress: (bytes) => {
    const packed = deflateSync(bytes, { windowBits: windowBits(bytes.length), chunkSize: outputChunk(bytes.length) });
    packed.set(HEADER);
    return packed;
  },
  decompress: (bytes, maxBytes) =>
    unpack('a zlib stream', maxBytes, () => inflateSync(bytes, { maxOutputLength: maxBytes, chunkSize: outputChunk(bytes.length) })),
};

/** The smallest window over all of a short body: setting up the largest takes longer than packing it. The bytes are the same. */
function windowBits(size: number): number {
  return Math.min(15, Math.max(9, Math.ceil(Math.log2(size + LOOKAHEAD))));
}
