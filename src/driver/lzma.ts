import type { Compressor } from '../message/compression.ts';
import { OptionalPackage } from './optional-package.ts';
import { unpack } from './unpack.ts';
import { xzEnd } from './xz-layout.ts';

/** The part of @napi-rs/lzma that is used. */
interface XzPackage {
  compressSync(bytes: Uint8Array): Uint8Array;
  decompressSync(bytes: Uint8Array): Uint8Array;
}

const NAME = '@napi-rs/lzma';

/** LZMA in .xz containers, what Python's `lzma.compress` writes. Needs the optional package @napi-rs/lzma, `name` in tests. */
export function lzmaCompressor(name: string = NAME): Compressor {
  const xz = new OptionalPackage('the compression lzma', name, (require) => require(`${name}/xz`) as XzPackage);
  return {
    name: 'lzma',
    aliases: ['xz'],
    contentType: 'application/x-lzma',
    compress: (bytes) => xz.toWrite().compressSync(bytes),
    decompress: (bytes, maxBytes) => {
      const library = xz.toRead();
      return unpack('an xz stream', maxBytes, () => library.decompressSync(bytes.subarray(0, xzEnd(bytes, maxBytes))));
    },
  };
}
