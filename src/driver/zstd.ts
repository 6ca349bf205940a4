import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { DecodeError } from '../base/errors.ts';
import type { Compressor } from '../message/compression.ts';
import { MOST_MEMBERS, outputChunk, tooLarge, tooMany, unpack } from './unpack.ts';

/** With `info` the library also tells what it has read; its types do not know. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * Zstandard. The frame names the size of its content, without which kombu before 5.7 cannot read it. Frames may follow one
 * another; anything else after a frame is an error, as in Python.
 */
export const zstdCompressor: Compressor = {
  name: 'zstd',
  aliases: ['zstandard'],
  contentType: 'application/zstd',
  compress: (bytes) => zstdCompressSync(bytes, { pledgedSrcSize: bytes.length, chunkSize: outputChunk(bytes.length) }),
  decompress: (bytes, maxBytes) => unpack('zstd frames', maxBytes, () => frames(bytes, maxBytes)),
};

function frames(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const parts: Buffer[] = [];
  let size = 0;
  const chunkSize = outputChunk(bytes.length);
  for (let at = 0; at < bytes.length || parts.length === 0;) {
    if (parts.length === MOST_MEMBERS) throw tooMany();
    // One byte is the least that the library takes as a ceiling.
    const options = { maxOutputLength: Math.max(1, maxBytes - size), chunkSize, info: true };
    const { buffer, engine } = zstdDecompressSync(bytes.subarray(at), options) as unknown as Inflated;
    size += buffer.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    if (engine.bytesWritten === 0) throw new DecodeError('', 'an empty zstd frame');
    parts.push(buffer);
    at += engine.bytesWritten;
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, size);
}
