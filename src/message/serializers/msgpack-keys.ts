import { utf8Decode } from '../../base/bytes.ts';

/** Names of keys by their last byte, first byte and length: a peer uses the same few in every message. */
const SLOTS = 512;
export const LONGEST_CACHED_KEY: number = 24;

interface CachedKey {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Keys read before. One belongs to each serializer; it never grows beyond its slots. */
export class KeyCache {
  readonly #slots: (CachedKey | undefined)[] = Array.from({ length: SLOTS });

  /** The text of a short key in `bytes`. Throws `DecodeError` when it is not UTF-8. */
  read(bytes: Uint8Array, start: number, end: number): string {
    const slot = ((bytes[end - 1] ?? 0) + (bytes[start] ?? 0) * 7 + (end - start) * 31) % SLOTS;
    const known = this.#slots[slot];
    if (known !== undefined && isSame(known.bytes, bytes, start, end)) return known.text;
    const own = bytes.slice(start, end);
    const text = utf8Decode(own);
    this.#slots[slot] = { bytes: own, text };
    return text;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let index = 0; index < known.length; index += 1) if (known[index] !== bytes[start + index]) return false;
  return true;
}
