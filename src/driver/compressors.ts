import { CompressorRegistry } from '../message/compression.ts';
import { brotliCompressor } from './brotli.ts';
import { bzip2Compressor } from './bzip2.ts';
import { lzmaCompressor } from './lzma.ts';
import { zlibCompressor } from './zlib.ts';
import { zstdCompressor } from './zstd.ts';

/** The compressions that are built in, kombu's; those of optional packages say so when they are used without them. */
export function defaultCompressors(): CompressorRegistry {
  const registry = new CompressorRegistry();
  for (const compressor of [zlibCompressor, bzip2Compressor(), lzmaCompressor(), brotliCompressor, zstdCompressor])
    registry.register(compressor);
  return registry;
}
