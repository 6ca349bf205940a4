import { DecodeError } from './errors.ts';

// In every JavaScript host, yet in no ECMAScript library file: the one place where the pure rooms name them.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => { decode(bytes: Uint8Array): string };
declare function atob(text: string): string;
declare function btoa(binary: string): string;

// Node encodes short text several times faster through Buffer.
declare const Buffer: { from(text: string, encoding: 'utf8'): Uint8Array } | undefined;

const encoder = new TextEncoder();
const encodeOutput = typeof Buffer === 'undefined' ? (text: string) => encoder.encode(text) : (text: string) => Buffer.from(text, 'utf8');
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text as UTF-8. A lone surrogate becomes U+FFFD: escape it first where it matters. */
export function utf8Encode(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The same for bytes that only go out: faster, and perhaps a part of a larger buffer. */
export function utf8Output(text: string): Uint8Array {
  return encodeOutput(text);
}

/** UTF-8 as text; a byte order mark stays a character. Throws `DecodeError` on bytes that are not UTF-8. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new DecodeError('', 'not valid UTF-8', { cause: error });
  }
}

/** UTF-8 as text, or `undefined` when the bytes are not UTF-8. */
export function tryUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Standard base64 with padding. */
export function base64Encode(bytes: Uint8Array): string {
  const chunks: string[] = [];
  // String.fromCharCode takes its bytes as arguments, and an engine bounds how many there may be; spread, they cost ten times as much.
  for (let index = 0; index < bytes.length; index += 8192) {
    chunks.push(Reflect.apply(String.fromCharCode, undefined, bytes.subarray(index, index + 8192)));
  }
  return btoa(chunks.join(''));
}

/** Throws `DecodeError` on text that is not padded standard base64. */
export function base64Decode(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new DecodeError('', 'not base64');
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** Whether a text has no half of a surrogate pair, so that UTF-8 can carry it. */
export function isWellFormed(text: string): boolean {
  // ES2024, in every host; the library file of the pure rooms is older.
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}
