import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { DecodeError } from '../base/errors.ts';
import type { Compressor } from '../message/compression.ts';
import { outputChunk, unpack } from './unpack.ts';

/** Python's own default, 11, takes seconds a megabyte; here that would hold up every other task. */
const QUALITY = 5;

/** With `info` the library also tells what it has read; its types do not know. */
interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** Brotli. Bytes after the stream are an error, as in Python. */
export const brotliCompressor: Compressor = {
  name: 'brotli',
  aliases: [],
  contentType: 'application/x-brotli',
  compress: (bytes) =>
    brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
  decompress: (bytes, maxBytes) =>
    unpack('a brotli stream', maxBytes, () => {
      const options = { maxOutputLength: maxBytes, chunkSize: outputChunk(bytes.length), info: true };
      const { buffer, engine } = brotliDecompressSync(bytes, options) as unknown as Inflated;
      if (engine.bytesWritten !== bytes.length) throw new DecodeError('', 'bytes after the end of a brotli stream');
      return buffer;
    }),
};
