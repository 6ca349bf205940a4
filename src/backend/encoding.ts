import { ContentDisallowedError, DecodeError, LimitError, ResultDecodeError, SecurityError } from '../base/errors.ts';
import { DEFAULT_LIMITS, checkDepth, outputCeiling } from '../base/limits.ts';
import type { MessageLimits } from '../base/limits.ts';
import type { Compressor, CompressorRegistry } from '../message/compression.ts';
import type { Serializer } from '../message/serializer.ts';
import { decodeMeta, joinCompressedResult, splitCompressedResult } from '../protocol/result.ts';
import type { ResultMeta } from '../protocol/result.ts';

/** How states become bytes and back, and the ceilings of what is read. */
export interface ResultCodec extends MessageLimits {
  readonly serializer: Serializer;
  /** Content types that results may have. Stored ones carry none of their own: they are taken for the serializer's. */
  readonly accept: ReadonlySet<string>;
  readonly compressors: CompressorRegistry;
  /** Absent: results are stored as the serializer writes them. */
  readonly resultCompressor?: Compressor | undefined;
}

/** The bytes of a state to be stored. Throws `EncodeError`. */
export function writeMeta(meta: ResultMeta, { serializer, resultCompressor }: ResultCodec): Uint8Array {
  const bytes = serializer.encode(meta);
  return resultCompressor === undefined ? bytes : joinCompressedResult(resultCompressor.contentType, resultCompressor.compress(bytes));
}

/**
 * Reads stored bytes, compressed by Celery 5.7 or not. The accept list is asked first: throws `ContentDisallowedError` before
 * a byte is decoded, else `ResultDecodeError`.
 */
export function readMeta(bytes: Uint8Array, codec: ResultCodec, taskId?: string): ResultMeta {
  const { contentType } = codec.serializer;
  if (!codec.accept.has(contentType)) throw new ContentDisallowedError(`Refusing to deserialize a result of type ${contentType}`);
  try {
    return decodeMeta(readValue(bytes, codec), taskId);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof LimitError || error instanceof SecurityError)
      throw new ResultDecodeError(`unreadable result: ${error.message}`, { cause: error });
    throw error;
  }
}

function readValue(bytes: Uint8Array, codec: ResultCodec): unknown {
  if (bytes.length > codec.maxBodyBytes) throw new LimitError(`${bytes.length} bytes; the limit is ${codec.maxBodyBytes}`);
  const value = codec.serializer.decode(decompressed(bytes, codec));
  if (codec.maxDepth < DEFAULT_LIMITS.maxDepth) checkDepth(value, codec.maxDepth);
  return value;
}

function decompressed(bytes: Uint8Array, codec: ResultCodec): Uint8Array {
  const compressed = splitCompressedResult(bytes);
  if (compressed === undefined) return bytes;
  const compressor = codec.compressors.find(compressed.mime);
  if (compressor === undefined) throw new ResultDecodeError(`a result compressed with ${compressed.mime}, which is not available here`);
  return compressor.decompress(compressed.body, outputCeiling(compressed.body.length, codec));
}
