import { utf8Decode } from '../../base/bytes.ts';
import { DecodeError } from '../../base/errors.ts';
import { MAX_DEPTH } from './json-read.ts';
import type { KeyCache } from './msgpack-keys.ts';
import { LONGEST_CACHED_KEY } from './msgpack-keys.ts';
import { NUMBERS } from './msgpack-numbers.ts';
import { MsgpackExt, MsgpackTimestamp } from './msgpack-types.ts';
import { messageOf } from '../../base/message-of.ts';

/** Longer text is left to the host's decoder, whose call costs more than this many bytes do. */
const SHORT = 48;

/**
 * One MessagePack value as Python's `unpackb(raw=False)` reads it: text keys only, integers exact, no bytes left over.
 * Nothing is allocated for a length before the bytes it promises are seen. Throws `DecodeError`.
 */
export function readMsgpack(bytes: Uint8Array, keys: KeyCache): unknown {
  const reader = new Reader(bytes, keys);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new DecodeError('', `${bytes.length - reader.at} bytes after the value`);
  return value;
}

class Reader {
  at = 0;
  readonly bytes: Uint8Array;
  readonly keys: KeyCache;
  view: DataView | undefined;

  constructor(bytes: Uint8Array, keys: KeyCache) {
    this.bytes = bytes;
    this.keys = keys;
  }

  value(depth: number): unknown {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw cut();
    this.at += 1;
    if (byte < 0x80) return byte;
    if (byte < 0x90) return this.map(byte & 0x0f, depth);
    if (byte < 0xa0) return this.array(byte & 0x0f, depth);
    if (byte < 0xc0) return this.text(byte & 0x1f);
    if (byte >= 0xe0) return byte - 0x100;
    return this.tagged(byte, depth);
  }

  tagged(byte: number, depth: number): unknown {
    switch (byte) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.binary(this.length(byte - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.length(byte - 0xc7));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(1 << (byte - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.length(byte - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.array(this.length(byte - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.map(this.length(byte - 0xdd), depth);
      case 0xc1:
        throw new DecodeError('', 'the byte 0xc1 means nothing');
      default:
        return this.number(byte);
    }
  }

  number(byte: number): number | bigint {
    const [size, read] = NUMBERS[byte - 0xca] ?? NUMBERS[0];
    this.view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return read(this.view, this.take(size));
  }

  /** An unsigned length of 1, 2 or 4 bytes. */
  length(power: number): number {
    const start = this.take(1 << power);
    let length = 0;
    for (let index = start; index < this.at; index += 1) length = length * 256 + (this.bytes[index] ?? 0);
    return length;
  }

  /** Moves past `size` bytes and returns where they begin. */
  take(size: number): number {
    const start = this.at;
    if (size > this.bytes.length - start) throw cut();
    this.at = start + size;
    return start;
  }

  text(size: number): string {
    const start = this.take(size);
    if (size === 0) return '';
    const part = this.bytes.subarray(start, this.at);
    if (size > SHORT) return utf8Decode(part);
    for (let index = 0; index < size; index += 1) if ((part[index] ?? 0) > 0x7f) return utf8Decode(part);
    return String.fromCharCode.apply(null, part as unknown as number[]);
  }

  binary(size: number): Uint8Array {
    const start = this.take(size);
    // A copy: a small part would keep the whole message alive.
    return new Uint8Array(this.bytes.subarray(start, this.at));
  }

  array(size: number, depth: number): unknown[] {
    this.enter(size, depth);
    const items: unknown[] = [];
    for (let index = 0; index < size; index += 1) items.push(this.value(depth + 1));
    return items;
  }

  map(size: number, depth: number): Record<string, unknown> {
    this.enter(2 * size, depth);
    const object: Record<string, unknown> = {};
    for (let index = 0; index < size; index += 1) {
      const key = this.key();
      if (key === '__proto__') setOwn(object, key, this.value(depth + 1));
      else object[key] = this.value(depth + 1);
    }
    return object;
  }

  key(): string {
    const byte = this.bytes[this.at] ?? 0;
    const size = byte & 0x1f;
    if (byte >> 5 === 0x05 && size > 0 && size <= LONGEST_CACHED_KEY) {
      this.at += 1;
      const start = this.take(size);
      return this.keys.read(this.bytes, start, this.at);
    }
    if (byte >> 5 !== 0x05 && (byte < 0xd9 || byte > 0xdb)) throw new DecodeError('', 'a key of a map is no text');
    return this.value(MAX_DEPTH) as string;
  }

  /** Each item takes a byte at least: a length that promises more than there is is refused at once. */
  enter(items: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new DecodeError('', `nested deeper than ${MAX_DEPTH} levels`);
    if (items > this.bytes.length - this.at) throw cut();
  }

  extension(size: number): MsgpackExt | MsgpackTimestamp {
    const code = ((this.bytes[this.take(1)] ?? 0) << 24) >> 24;
    const data = this.binary(size);
    try {
      return code === -1 ? MsgpackTimestamp.fromBytes(data) : new MsgpackExt(code, data);
    } catch (error) {
      throw new DecodeError('', messageOf(error), { cause: error });
    }
  }
}

function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function cut(): DecodeError {
  return new DecodeError('', 'the bytes end within a value');
}
