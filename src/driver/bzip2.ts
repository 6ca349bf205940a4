import type { Compressor } from '../message/compression.ts';
import { Bzip2Library } from './bzip2-library.ts';
import { OptionalPackage } from './optional-package.ts';
import { MOST_MEMBERS, tooMany, unpack } from './unpack.ts';

const NAME = 'bzip2-wasm';

/** `BZh`, a level, then the magic of a block (π) or of an empty stream's end (√π). */
const HEADER = /^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/;
const HEADER_BYTES = 10;
/** The magic that ends a stream; its checksum of 32 bits follows, then bits up to the next byte. */
const END = 0x177245385090n;
const END_BITS = 80;

/** bzip2. Needs the optional package bzip2-wasm, `name` in tests. What follows the last stream is not read, as in Python. */
export function bzip2Compressor(name: string = NAME): Compressor {
  const library = new OptionalPackage(
    'the compression bzip2',
    name,
    (require) => new Bzip2Library(require.resolve(`${name}/bzip2-1.0.8/bzip2.wasm`)),
  );
  return {
    name: 'bzip2',
    aliases: ['bzip'],
    contentType: 'application/x-bz2',
    compress: (bytes) => library.toWrite().compress(bytes),
    decompress: (bytes, maxBytes) => {
      const bzip2 = library.toRead();
      return unpack('a bzip2 stream', maxBytes, () => streams(bzip2, bytes, maxBytes));
    },
  };
}

function streams(bzip2: Bzip2Library, bytes: Uint8Array, maxBytes: number): Uint8Array {
  // Python reads nothing as nothing.
  if (bytes.length === 0) return bytes;
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const stream of split(bytes)) {
    const part = bzip2.decompress(stream, maxBytes - size);
    parts.push(part);
    size += part.length;
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, size);
}

/** The streams that follow one another; the last one with whatever comes after it. */
function split(bytes: Uint8Array): Uint8Array[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Uint8Array[] = [];
  let start = 0;
  for (let at = buffer.indexOf('BZh', 1); at > 0; at = buffer.indexOf('BZh', at + 1)) {
    if (!HEADER.test(buffer.toString('latin1', at, at + HEADER_BYTES)) || !endsAt(buffer, at)) continue;
    found.push(buffer.subarray(start, at));
    if (found.length === MOST_MEMBERS) throw tooMany();
    start = at;
  }
  found.push(buffer.subarray(start));
  return found;
}

/** True when a stream ends before this byte: its end is not aligned to bytes. */
function endsAt(bytes: Buffer, at: number): boolean {
  if (at < 11) return false;
  let bits = 0n;
  for (const byte of bytes.subarray(at - 11, at)) bits = (bits << 8n) | BigInt(byte);
  for (let padding = 0n; padding < 8n; padding += 1n)
    if (((bits >> (padding + BigInt(END_BITS - 48))) & 0xffffffffffffn) === END) return true;
  return false;
}
