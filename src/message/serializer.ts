/** Value to bytes and back for one content type. Pure and synchronous. */
export interface Serializer {
  readonly name: string;
  readonly contentType: string;
  readonly contentEncoding: 'utf-8' | 'binary';
  /** Throws `EncodeError` when the value cannot be represented. */
  encode(value: unknown): Uint8Array;
  /** Throws `DecodeError`, and nothing else, on any bytes that are not a value. */
  decode(bytes: Uint8Array): unknown;
}
