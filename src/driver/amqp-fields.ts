import { messageOf } from '../base/message-of.ts';
/**
 * AMQP field tables as plain values: a total reader that stands in for amqplib's own, which closes the connection on the tag
 * `L` that py-amqp writes for integers of 2^31 and more. Tags as RabbitMQ and py-amqp use them (`amqp/serialization.py`).
 * Integers beyond 2^53 are BigInt, timestamps are Date, byte arrays are Uint8Array.
 */
export function readFields(bytes: Buffer): Record<string, unknown> {
  try {
    return new FieldReader(bytes).table(bytes.length, 0);
  } catch (error) {
    // A table nobody can read: the message arrives without headers and is rejected as one, the connection lives.
    const empty = {};
    unreadable.set(empty, messageOf(error));
    return empty;
  }
}

const unreadable = new WeakMap<object, string>();

/** Why a table that `readFields` gave is empty though its sender filled it; `undefined` for a table that could be read. */
export function unreadableReason(table: object): string | undefined {
  return unreadable.get(table);
}

const MAX_DEPTH = 400;

class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  table(length: number, depth: number): Record<string, unknown> {
    const end = this.#end(length, depth);
    const fields: Record<string, unknown> = {};
    while (this.#at < end) {
      const keyLength = this.#bytes.readUInt8(this.#at);
      const key = this.#text(keyLength, 1);
      const value = this.#value(depth);
      if (key === '__proto__') Object.defineProperty(fields, key, { value, enumerable: true, configurable: true, writable: true });
      else fields[key] = value;
    }
    return fields;
  }

  #array(length: number, depth: number): unknown[] {
    const end = this.#end(length, depth);
    const items: unknown[] = [];
    while (this.#at < end) items.push(this.#value(depth));
    return items;
  }

  #end(length: number, depth: number): number {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('a table longer than its frame');
    if (depth > MAX_DEPTH) throw new RangeError('tables nested too deep');
    return end;
  }

  #value(depth: number): unknown {
    const tag = this.#bytes[this.#at];
    this.#at += 1;
    switch (tag) {
      case 0x53: // S
        return this.#text(this.#length(), 0);
      case 0x56: // V
        return null;
      case 0x74: // t
        return this.#skip(1, (at) => this.#bytes.readUInt8(at) !== 0);
      case 0x49: // I
        return this.#skip(4, (at) => this.#bytes.readInt32BE(at));
      case 0x69: // i
        return this.#skip(4, (at) => this.#bytes.readUInt32BE(at));
      case 0x46: // F
        return this.table(this.#length(), depth + 1);
      case 0x41: // A
        return this.#array(this.#length(), depth + 1);
      case 0x62: // b
        return this.#skip(1, (at) => this.#bytes.readInt8(at));
      case 0x42: // B
        return this.#skip(1, (at) => this.#bytes.readUInt8(at));
      case 0x73: // s
      case 0x55: // U
        return this.#skip(2, (at) => this.#bytes.readInt16BE(at));
      case 0x75: // u
        return this.#skip(2, (at) => this.#bytes.readUInt16BE(at));
      case 0x6c: // l
      case 0x4c: // L
        return this.#skip(8, (at) => safeInteger(this.#bytes.readBigInt64BE(at)));
      case 0x66: // f
        return this.#skip(4, (at) => this.#bytes.readFloatBE(at));
      case 0x64: // d
        return this.#skip(8, (at) => this.#bytes.readDoubleBE(at));
      case 0x44: // D
        return this.#skip(5, (at) => this.#bytes.readInt32BE(at + 1) / 10 ** this.#bytes.readUInt8(at));
      case 0x54: // T
        return this.#skip(8, (at) => new Date(Number(this.#bytes.readBigUInt64BE(at)) * 1000));
      case 0x78: // x
        return this.#skip(this.#length(), (at, length) => Uint8Array.from(this.#bytes.subarray(at, at + length)));
      default:
        throw new RangeError(`unknown field tag ${String(tag)}`);
    }
  }

  #length(): number {
    return this.#skip(4, (at) => this.#bytes.readUInt32BE(at));
  }

  #text(length: number, skipFirst: number): string {
    const start = this.#at + skipFirst;
    const end = start + length;
    if (end > this.#bytes.length) throw new RangeError('text longer than its frame');
    this.#at = end;
    return this.#bytes.toString('utf8', start, end);
  }

  #skip<T>(size: number, read: (at: number, size: number) => T): T {
    const at = this.#at;
    if (at + size > this.#bytes.length) throw new RangeError('a value longer than its frame');
    this.#at = at + size;
    return read(at, size);
  }
}

function safeInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
