import type { Compressor } from './compression.ts';
import type { Headers, Message, MessageProperties } from './message.ts';
import type { Serializer } from './serializer.ts';

/** How a value becomes a message. */
export interface EncodeOptions {
  readonly serializer: Serializer;
  readonly compressor: Compressor | undefined;
  readonly headers: Headers;
  readonly properties: MessageProperties;
}

/** Serialises, compresses and labels a value. Throws `EncodeError`. `kombu/messaging.py Producer._prepare`. */
export function encodeMessage(value: unknown, options: EncodeOptions): Message {
  const { serializer, compressor, headers, properties } = options;
  const body = serializer.encode(value);
  const labels = {
    contentType: serializer.contentType,
    contentEncoding: serializer.encodingOf?.(value) ?? serializer.contentEncoding,
    properties,
  };
  if (compressor === undefined) return { body, headers, ...labels };
  return { body: compressor.compress(body), headers: { ...headers, compression: compressor.contentType }, ...labels };
}
