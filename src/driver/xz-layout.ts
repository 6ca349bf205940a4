import { DecodeError, LimitError } from '../base/errors.ts';
import { MOST_MEMBERS, tooLarge, tooMany } from './unpack.ts';

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const LZMA2 = 0x21;
/** The largest dictionary that `xz -9` writes; a reader sets it aside before it has read a byte of content. */
const MAX_DICTIONARY = 64 * 1024 * 1024;
/** Bytes of a block's check by its type in the stream's flags. */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/**
 * Where the .xz streams at the start of `bytes` end; what follows them is not read, as in Python. Walks from chunk to chunk
 * without unpacking: LZMA2 names the size of each chunk's content, so that what does not fit `maxBytes` is refused before
 * anything is allocated. Throws `LimitError`, or `DecodeError` when this is no .xz stream.
 */
export function xzEnd(bytes: Uint8Array, maxBytes: number): number {
  const walk = new XzWalk(bytes, maxBytes);
  do walk.stream();
  while (walk.atMagic());
  return walk.at;
}

class XzWalk {
  readonly #bytes: Uint8Array;
  readonly #maxBytes: number;
  at = 0;
  #size = 0;
  #members = 0;

  constructor(bytes: Uint8Array, maxBytes: number) {
    this.#bytes = bytes;
    this.#maxBytes = maxBytes;
  }

  atMagic(): boolean {
    return MAGIC.every((byte, index) => this.#bytes[this.at + index] === byte);
  }

  stream(): void {
    if (!this.atMagic()) throw new DecodeError('', 'not an xz stream');
    const checkSize = CHECK_SIZES[this.#byte(this.at + 7) & 0x0f] ?? 0;
    this.#skip(12);
    while (this.#byte(this.at) !== 0) this.#block(checkSize);
    this.#member();
    this.#index();
    this.#skip(12);
  }

  #block(checkSize: number): void {
    this.#member();
    const start = this.at;
    const headerEnd = start + (this.#byte(start) + 1) * 4;
    this.#skip(1);
    this.#filters();
    if (this.at > headerEnd) throw new DecodeError('', 'an xz block header longer than it says');
    this.at = headerEnd;
    while (this.#chunk());
    this.#pad(start);
    this.#skip(checkSize);
  }

  /** Leaves the last filter's dictionary checked: only LZMA2 can be the last, and the others keep sizes as they are. */
  #filters(): void {
    const flags = this.#next();
    if ((flags & 0x40) !== 0) this.#number();
    if ((flags & 0x80) !== 0) this.#number();
    for (let left = flags & 0x03; ; left -= 1) {
      const id = this.#number();
      const properties = this.#number();
      const first = this.#byte(this.at);
      this.#skip(properties);
      if (left > 0) continue;
      if (id !== LZMA2) throw new DecodeError('', 'an xz block that is not LZMA2');
      if (dictionarySize(first) > MAX_DICTIONARY) throw new LimitError(`an xz dictionary of more than ${MAX_DICTIONARY} bytes`);
      return;
    }
  }

  /** False at the end of a block's chunks. */
  #chunk(): boolean {
    const control = this.#next();
    if (control === 0) return false;
    if (control > 2 && control < 0x80) throw new DecodeError('', 'not an LZMA2 chunk');
    const size = (control < 0x80 ? 0 : (control & 0x1f) << 16) + this.#short() + 1;
    this.#size += size;
    if (this.#size > this.#maxBytes) throw tooLarge(this.#maxBytes);
    if (control < 0x80) this.#skip(size);
    else this.#skip(this.#short() + 1 + (control >= 0xc0 ? 1 : 0));
    return true;
  }

  #index(): void {
    const start = this.at;
    this.#skip(1);
    for (let records = this.#number(); records > 0; records -= 1) {
      this.#number();
      this.#number();
    }
    this.#pad(start);
    this.#skip(4);
  }

  #member(): void {
    this.#members += 1;
    if (this.#members > MOST_MEMBERS) throw tooMany();
  }

  #pad(start: number): void {
    this.#skip((4 - ((this.at - start) % 4)) % 4);
  }

  #short(): number {
    return this.#next() * 256 + this.#next();
  }

  /** Seven bits a byte, least first. */
  #number(): number {
    let value = 0;
    for (let place = 1; place < 2 ** 63; place *= 128) {
      const byte = this.#next();
      value += (byte & 0x7f) * place;
      if (byte < 0x80) return value;
    }
    throw new DecodeError('', 'an xz number that does not end');
  }

  #next(): number {
    const byte = this.#byte(this.at);
    this.at += 1;
    return byte;
  }

  #byte(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new DecodeError('', 'an xz stream that is cut off');
    return byte;
  }

  #skip(count: number): void {
    this.at += count;
    if (this.at > this.#bytes.length) throw new DecodeError('', 'an xz stream that is cut off');
  }
}

function dictionarySize(bits: number): number {
  return bits >= 40 ? 2 ** 32 : (2 + (bits & 1)) * 2 ** (Math.floor(bits / 2) + 11);
}
