import { formatLocal, formatOffset, parseIso8601 } from './iso8601.ts';

/**
 * Python's `datetime`: a `Date` that also keeps microseconds and the UTC offset it was written with.
 * `offsetMinutes` is `undefined` for a naive time, whose epoch is computed as if it were UTC.
 */
export class DateTime extends Date {
  /** Microseconds within the second, 0 to 999999. */
  readonly microsecond: number;
  readonly offsetMinutes: number | undefined;

  constructor(epochMs: number, microsecond?: number, offsetMinutes?: number) {
    super(epochMs);
    this.microsecond = microsecond ?? this.getUTCMilliseconds() * 1000;
    this.offsetMinutes = offsetMinutes;
  }

  /** A moment in time, aware, at the given offset (UTC by default). */
  static fromEpochMs(epochMs: number, offsetMinutes = 0): DateTime {
    return new DateTime(epochMs, undefined, offsetMinutes);
  }

  /** Reads ISO-8601; `undefined` when it is none. (`Date.parse` answers a number, so this has a name of its own.) */
  static fromIso(text: string): DateTime | undefined {
    const moment = parseIso8601(text);
    return moment === undefined ? undefined : new DateTime(moment.epochMs, moment.microsecond, moment.offsetMinutes);
  }

  /** Python's `isoformat()`: what JSON carries. */
  isoformat(): string {
    const local = this.getTime() + (this.offsetMinutes ?? 0) * 60_000;
    return formatLocal(local, this.microsecond) + formatOffset(this.offsetMinutes);
  }
}

/** Python's `date`. */
export class PlainDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;

  constructor(year: number, month: number, day: number) {
    this.year = year;
    this.month = month;
    this.day = day;
  }

  /** Reads `YYYY-MM-DD`; `undefined` when it is none. */
  static fromIso(text: string): PlainDate | undefined {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || parseIso8601(text) === undefined) return undefined;
    return new PlainDate(Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8)));
  }

  isoformat(): string {
    return `${String(this.year).padStart(4, '0')}-${String(this.month).padStart(2, '0')}-${String(this.day).padStart(2, '0')}`;
  }

  toString(): string {
    return this.isoformat();
  }
}

/** Python's `time`. */
export class PlainTime {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  readonly offsetMinutes: number | undefined;

  constructor(hour: number, minute: number, second = 0, microsecond = 0, offsetMinutes?: number) {
    this.hour = hour;
    this.minute = minute;
    this.second = second;
    this.microsecond = microsecond;
    this.offsetMinutes = offsetMinutes;
  }

  /** Reads `HH:MM[:SS[.ffffff]][offset]`; `undefined` when it is none. */
  static fromIso(text: string): PlainTime | undefined {
    const moment = parseIso8601(`1970-01-01T${text}`);
    if (moment === undefined || text.startsWith('24')) return undefined;
    const local = new Date(moment.epochMs + (moment.offsetMinutes ?? 0) * 60_000);
    return new PlainTime(local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds(), moment.microsecond, moment.offsetMinutes);
  }

  isoformat(): string {
    const ms = ((this.hour * 60 + this.minute) * 60 + this.second) * 1000;
    return formatLocal(ms, this.microsecond).slice(11) + formatOffset(this.offsetMinutes);
  }

  toString(): string {
    return this.isoformat();
  }
}

/** Python's `Decimal`, kept as its text: arithmetic belongs to a library of yours. */
export class Decimal {
  readonly value: string;

  constructor(value: string | number | bigint) {
    const text = String(value).trim();
    if (!/^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|s?nan\d*)$/i.test(text)) {
      throw new RangeError(`not a decimal number: ${text.slice(0, 100)}`);
    }
    this.value = text;
  }

  toNumber(): number {
    return /^[+-]?inf/i.test(this.value) ? (this.value.startsWith('-') ? -Infinity : Infinity) : Number(this.value);
  }

  toString(): string {
    return this.value;
  }
}

/** Python's `UUID`. */
export class Uuid {
  /** 32 lower-case hexadecimal digits. */
  readonly hex: string;

  constructor(text: string) {
    const hex = text.replaceAll('-', '').toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(hex)) throw new RangeError(`not a UUID: ${text.slice(0, 100)}`);
    this.hex = hex;
  }

  toString(): string {
    const { hex } = this;
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}
