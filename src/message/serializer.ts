/** Value to bytes and back for one content type. Pure and synchronous. */
export interface Serializer {
  /** What `task_serializer` and its like call it. */
  readonly name: string;
  readonly contentType: string;
  readonly contentEncoding: ContentEncoding;
  /** Content types that it reads besides its own. */
  readonly alsoReads?: readonly string[];
  /** The encoding of one value's bytes, where it depends on the value. */
  encodingOf?(value: unknown): ContentEncoding;
  /** Throws `EncodeError` when the value cannot be represented. */
  encode(value: unknown): Uint8Array;
  /** Throws `DecodeError`, for signed bytes also `SecurityError`, and nothing else, on any bytes that are not a value. `contentEncoding` is what the message says. */
  decode(bytes: Uint8Array, contentEncoding?: string): unknown;
}

/** What kombu puts into the property `content_encoding`. */
export type ContentEncoding = 'utf-8' | 'us-ascii' | 'binary';
