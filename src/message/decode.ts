import { ContentDisallowedError, DecodeError, LimitError } from '../base/errors.ts';
import { DEFAULT_LIMITS, checkDepth, checkHeaders, outputCeiling } from '../base/limits.ts';
import type { MessageLimits } from '../base/limits.ts';
import type { CompressorRegistry } from './compression.ts';
import type { Message } from './message.ts';
import type { SerializerRegistry } from './registry.ts';

/** What a reader accepts, and its ceilings. */
export interface DecodeOptions extends MessageLimits {
  readonly registry: SerializerRegistry;
  readonly compressors: CompressorRegistry;
  /** Content types that may be decoded. */
  readonly accept: ReadonlySet<string>;
}

/**
 * The value of a message. The accept list is asked before a byte is decoded; unlike kombu, `application/data` and
 * `application/text` are not waved through. Throws `ContentDisallowedError`, `DecodeError`, `LimitError` or `SecurityError`,
 * nothing else.
 */
export function decodeMessage(message: Message, options: DecodeOptions): unknown {
  // kombu reads a missing content type as application/data.
  const contentType = message.contentType ?? 'application/data';
  if (!options.accept.has(contentType)) {
    throw new ContentDisallowedError(`Refusing to deserialize untrusted content of type ${contentType.slice(0, 100)}`);
  }
  const serializer = options.registry.byContentType(contentType);
  if (serializer === undefined) throw new DecodeError('content_type', `no serializer reads ${contentType.slice(0, 100)}`);
  checkHeaders(message.headers, options);
  if (message.body.length > options.maxBodyBytes) {
    throw new LimitError(`a body of ${message.body.length} bytes; the limit is ${options.maxBodyBytes}`);
  }
  const value = serializer.decode(decompress(message, options), message.contentEncoding);
  // Serializers refuse what is deeper than the default themselves.
  if (options.maxDepth < DEFAULT_LIMITS.maxDepth) checkDepth(value, options.maxDepth);
  return value;
}

function decompress(message: Message, options: DecodeOptions): Uint8Array {
  const compression = message.headers['compression'];
  if (compression === undefined || compression === null) return message.body;
  const compressor = typeof compression === 'string' ? options.compressors.find(compression) : undefined;
  if (compressor === undefined) {
    throw new DecodeError(
      'headers.compression',
      `unknown compression ${typeof compression === 'string' ? `'${compression.slice(0, 100)}'` : typeof compression}`,
    );
  }
  return compressor.decompress(message.body, outputCeiling(message.body.length, options));
}
