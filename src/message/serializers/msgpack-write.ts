import { isWellFormed, utf8Encode } from '../../base/bytes.ts';
import { EncodeError } from '../../base/errors.ts';
import { MAX_DEPTH } from './json-read.ts';
import { MsgpackExt, MsgpackTimestamp } from './msgpack-types.ts';
import { refuseTyped, refuseUnsendable, replacement } from './unsendable.ts';

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * A value as MessagePack, in the shortest form and with integers as integers, as Python's `packb(use_bin_type=True)` writes
 * it. Throws `EncodeError` naming the path of what cannot be sent.
 */
export function writeMsgpack(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.value(value, '$', 0);
  return writer.bytes.slice(0, writer.at);
}

class Writer {
  at = 0;
  bytes: Uint8Array = new Uint8Array(512);
  view: DataView = new DataView(this.bytes.buffer);

  value(value: unknown, path: string, depth: number): void {
    switch (typeof value) {
      case 'string':
        return this.text(value, path);
      case 'number':
        return this.number(value);
      case 'bigint':
        return this.integer(value, path);
      case 'boolean':
        return this.byte(value ? 0xc3 : 0xc2);
      case 'undefined':
        return this.byte(0xc0);
      case 'object':
        return value === null ? this.byte(0xc0) : this.object(value, path, depth);
      default:
        throw new EncodeError(`${path}: a ${typeof value} cannot be sent`);
    }
  }

  object(object: object, path: string, depth: number): void {
    if (depth >= MAX_DEPTH) throw new EncodeError(`${path.slice(0, 100)}…: nested deeper than ${MAX_DEPTH} levels, or a cycle`);
    if (Array.isArray(object)) {
      this.head(object.length, 0x90, 16, 0xdc);
      for (let index = 0; index < object.length; index += 1) this.value(object[index], `${path}[${index}]`, depth + 1);
      return;
    }
    if (object instanceof Uint8Array) return this.binary(object);
    if (object instanceof MsgpackExt) return this.extension(object.code, object.data);
    if (object instanceof MsgpackTimestamp) return this.extension(-1, object.toBytes());
    refuseTyped(object, path, 'msgpack');
    const other = replacement(object);
    if (other !== undefined) return this.value(other.value, path, depth + 1);
    refuseUnsendable(object, path);
    const entries = Object.entries(object).filter(([, item]) => item !== undefined);
    this.head(entries.length, 0x80, 16, 0xde);
    for (const [key, item] of entries) {
      this.text(key, path);
      this.value(item, `${path}.${key}`, depth + 1);
    }
  }

  /** The head of an array or map: within one byte below `small` items, else `tag` or the one after it. */
  head(length: number, base: number, small: number, tag: number): void {
    if (length < small) this.byte(base | length);
    else if (length < 0x1_0000) this.tagged(tag, 2, (at) => this.view.setUint16(at, length));
    else this.tagged(tag + 1, 4, (at) => this.view.setUint32(at, length));
  }

  text(text: string, path: string): void {
    if (!isWellFormed(text)) throw new EncodeError(`${path}: text with half a surrogate pair cannot be sent in msgpack`);
    const bytes = utf8Encode(text);
    if (bytes.length >= 32 && bytes.length < 0x100) this.tagged(0xd9, 1, (at) => this.view.setUint8(at, bytes.length));
    else this.head(bytes.length, 0xa0, 32, 0xda);
    this.append(bytes);
  }

  number(value: number): void {
    if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 64) return this.integer(BigInt(value), '');
    this.tagged(0xcb, 8, (at) => this.view.setFloat64(at, value));
  }

  integer(value: bigint, path: string): void {
    if (value < INT64_MIN || value > UINT64_MAX) throw new EncodeError(`${path}: msgpack has no integers beyond 64 bits`);
    const small = Number(value);
    if (value >= -32n && value < 128n) return this.byte(small & 0xff);
    const size = value < 0n ? sizeOf(-1n - value, 7n) : sizeOf(value, 8n);
    const tag = (value < 0n ? 0xd0 : 0xcc) + Math.log2(size);
    // Two's complement: the lowest bytes are the same whether it is read with a sign or without.
    this.tagged(tag, size, (at) => {
      for (let index = 0; index < size; index += 1)
        this.view.setUint8(at + index, Number((value >> BigInt(8 * (size - 1 - index))) & 0xffn));
    });
  }

  binary(data: Uint8Array): void {
    if (data.length < 0x100) this.tagged(0xc4, 1, (at) => this.view.setUint8(at, data.length));
    else this.head(data.length, 0, 0, 0xc5);
    this.append(data);
  }

  extension(code: number, data: Uint8Array): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0) this.byte(0xd4 + fixed);
    else if (data.length < 0x100) this.tagged(0xc7, 1, (at) => this.view.setUint8(at, data.length));
    else this.head(data.length, 0, 0, 0xc8);
    this.byte(code & 0xff);
    this.append(data);
  }

  byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.at] = byte;
    this.at += 1;
  }

  tagged(tag: number, size: number, write: (at: number) => void): void {
    this.reserve(1 + size);
    this.bytes[this.at] = tag;
    write(this.at + 1);
    this.at += 1 + size;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.at + size, 2 * this.bytes.length));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** The least of 1, 2, 4 and 8 bytes, the first of which holds `bits` of the magnitude. */
function sizeOf(magnitude: bigint, bits: bigint): number {
  return [1, 2, 4].find((size) => magnitude < 1n << (bits + 8n * BigInt(size - 1))) ?? 8;
}
