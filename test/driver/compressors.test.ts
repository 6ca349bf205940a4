import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DecodeError, ImproperlyConfiguredError, LimitError } from '../../src/base/errors.ts';
import { brotliCompressor } from '../../src/driver/brotli.ts';
import { bzip2Compressor } from '../../src/driver/bzip2.ts';
import { defaultCompressors } from '../../src/driver/compressors.ts';
import { lzmaCompressor } from '../../src/driver/lzma.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { zstdCompressor } from '../../src/driver/zstd.ts';
import { compressorConformance } from '../conformance/compressor.ts';

/** npm leaves the native part of @napi-rs/lzma out when it runs on a Node that we do not support either. */
const lacksLzma = process.env['TQ_ALL_CODECS'] === undefined && !works(() => lzmaCompressor().compress(Uint8Array.of(1)));

function works(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

describe('zlib', () => compressorConformance(zlibCompressor, { members: false, trailing: true, empty: false }));
describe('brotli', () => compressorConformance(brotliCompressor, { members: false, trailing: false, empty: false }));
describe('zstd', () => compressorConformance(zstdCompressor, { members: true, trailing: false, empty: false }));
describe('bzip2', () => compressorConformance(bzip2Compressor(), { members: true, trailing: true, empty: true }));
describe.skipIf(lacksLzma)('lzma', () => compressorConformance(lzmaCompressor(), { members: true, trailing: true, empty: false }));

describe('zlib', () => {
  test('writes for every size what the largest window gives', () => {
    for (const size of [0, 1, 249, 250, 251, 762, 763, 5000, 32_506, 32_507, 70_000]) {
      const body = Buffer.from(Array.from({ length: size }, (_, index) => (index * index) % 251));
      expect(Buffer.from(zlibCompressor.compress(body))).toEqual(deflateSync(body));
    }
  });
});

const text = Buffer.from('a text of no importance');

describe('zstd', () => {
  test('names the size of its content in the frame', () => {
    for (const size of [0, 1, 300, 70_000]) {
      const [descriptor = 0] = zstdCompressor.compress(new Uint8Array(size)).subarray(4);
      // A size field of 2 bits, or one byte of size in a frame of a single segment.
      expect((descriptor >> 6) | ((descriptor >> 5) & 1)).not.toBe(0);
    }
  });

  test('refuses more frames than anybody writes', () => {
    const frame = zstdCompressor.compress(new Uint8Array());
    expect(() => zstdCompressor.decompress(Buffer.concat(Array.from({ length: 1001 }, () => frame)), 1000)).toThrow(LimitError);
  });
});

describe.skipIf(lacksLzma)('lzma', () => {
  const { compress, decompress } = lzmaCompressor();

  test('refuses a dictionary larger than any preset has', () => {
    const packed = Uint8Array.from(compress(text));
    // After the stream's header: size, flags, filter, size of properties, dictionary.
    expect([...packed.subarray(12, 16)]).toEqual([2, 0, 0x21, 1]);
    packed[16] = 29;
    expect(() => decompress(packed, 1000)).toThrow('dictionary');
  });

  test('refuses more streams than anybody writes', () => {
    const packed = compress(text);
    expect(() => decompress(Buffer.concat(Array.from({ length: 501 }, () => packed)), 1e6)).toThrow(LimitError);
  });

  test('believes no size but that of the chunks', () => {
    const packed = Uint8Array.from(compress(new Uint8Array(3 * 1024 * 1024)));
    expect(() => decompress(packed, 1024 * 1024)).toThrow(LimitError);
  });
});

describe('bzip2', () => {
  const { compress, decompress } = bzip2Compressor();

  test('reads a stream that ends at any bit before the next one', () => {
    for (let length = 0; length < 64; length += 1) {
      const first = compress(Buffer.alloc(length, 'abcdefg'));
      const both = decompress(Buffer.concat([first, compress(text)]), 1000);
      expect(Buffer.from(both).equals(Buffer.concat([Buffer.alloc(length, 'abcdefg'), text]))).toBe(true);
    }
  });

  test('takes no header inside a stream for the next stream', () => {
    const bytes = Buffer.concat([text, compress(text), text]);
    expect(Buffer.from(decompress(compress(bytes), 1000)).equals(bytes)).toBe(true);
  });

  test('refuses more streams than anybody writes', () => {
    const packed = compress(text);
    expect(() => decompress(Buffer.concat(Array.from({ length: 1001 }, () => packed)), 1e6)).toThrow(LimitError);
  });
});

describe('a compression whose package is missing', () => {
  test.each([
    ['lzma', lzmaCompressor('no-such-package')],
    ['bzip2', bzip2Compressor('no-such-package')],
  ])('%s says which one it is', (name, compressor) => {
    expect(() => compressor.compress(text)).toThrow(ImproperlyConfiguredError);
    expect(() => compressor.compress(text)).toThrow(`the compression ${name} needs the package no-such-package`);
    expect(() => compressor.decompress(text, 1000)).toThrow(DecodeError);
    expect(() => compressor.decompress(text, 1000)).toThrow('npm install no-such-package');
  });
});

describe('the registry', () => {
  test.each([
    ['application/x-gzip', ['gzip', 'zlib']],
    ['application/x-bz2', ['bzip2', 'bzip']],
    ['application/x-lzma', ['lzma', 'xz']],
    ['application/x-brotli', ['brotli']],
    ['application/zstd', ['zstd', 'zstandard']],
  ])('knows %s by kombu’s names', (contentType, names) => {
    for (const name of [contentType, ...names]) expect(defaultCompressors().byName(name).contentType).toBe(contentType);
  });
});
