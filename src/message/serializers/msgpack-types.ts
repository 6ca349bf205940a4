/** An extension of MessagePack that nobody here knows. Python's `msgpack.ExtType`. */
export class MsgpackExt {
  /** 0 to 127. */
  readonly code: number;
  readonly data: Uint8Array;

  /** Throws `RangeError` for a code that applications may not use. */
  constructor(code: number, data: Uint8Array) {
    if (!Number.isInteger(code) || code < 0 || code > 127) throw new RangeError('the code of an extension is 0 to 127');
    this.code = code;
    this.data = data;
  }
}

const NANOSECONDS = 1_000_000_000;

/** A moment as MessagePack's extension -1 has it, to the nanosecond and far beyond what a `Date` holds. Python's `msgpack.Timestamp`. */
export class MsgpackTimestamp {
  /** Seconds since 1970, 64 bits, rounded down. */
  readonly seconds: bigint;
  /** 0 to 999999999. */
  readonly nanoseconds: number;

  /** Throws `RangeError` outside of those ranges. */
  constructor(seconds: bigint | number, nanoseconds = 0) {
    if (!Number.isInteger(nanoseconds) || nanoseconds < 0 || nanoseconds >= NANOSECONDS)
      throw new RangeError('nanoseconds are 0 to 999999999');
    this.seconds = BigInt(seconds);
    if (BigInt.asIntN(64, this.seconds) !== this.seconds) throw new RangeError('the seconds do not fit 64 bits');
    this.nanoseconds = nanoseconds;
  }

  /** Throws `RangeError` for an invalid `Date`. */
  static fromDate(date: Date): MsgpackTimestamp {
    const seconds = Math.floor(date.getTime() / 1000);
    return new MsgpackTimestamp(seconds, (date.getTime() - seconds * 1000) * 1_000_000);
  }

  /** Cut to milliseconds; an invalid `Date` when the year is beyond it. */
  toDate(): Date {
    return new Date(Number(this.seconds) * 1000 + Math.floor(this.nanoseconds / 1_000_000));
  }

  /** Reads any of the three layouts. Throws `RangeError` for another length, or nanoseconds beyond a second. */
  static fromBytes(data: Uint8Array): MsgpackTimestamp {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    switch (data.length) {
      case 4:
        return new MsgpackTimestamp(view.getUint32(0));
      case 8: {
        const both = view.getBigUint64(0);
        return new MsgpackTimestamp(both & 0x3_ffff_ffffn, Number(both >> 34n));
      }
      case 12:
        return new MsgpackTimestamp(view.getBigInt64(4), view.getUint32(0));
      default:
        throw new RangeError(`a timestamp of ${data.length} bytes`);
    }
  }

  /** The shortest of the three layouts, as Python chooses it. */
  toBytes(): Uint8Array {
    const { seconds, nanoseconds } = this;
    const view = new DataView(new ArrayBuffer(12));
    if (seconds < 0n || seconds >> 34n !== 0n) {
      view.setUint32(0, nanoseconds);
      view.setBigInt64(4, seconds);
      return new Uint8Array(view.buffer);
    }
    const long = nanoseconds !== 0 || seconds >> 32n !== 0n;
    if (long) view.setBigUint64(0, (BigInt(nanoseconds) << 34n) | seconds);
    else view.setUint32(0, Number(seconds));
    return new Uint8Array(view.buffer, 0, long ? 8 : 4);
  }
}
