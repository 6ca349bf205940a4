import { tryUtf8 } from '../base/bytes.ts';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../base/values.ts';

/** Limits of a representation: `AMQP.argsrepr_maxsize` and `task_repr_maxlevels`. */
export interface ReprLimits {
  readonly maxLength?: number;
  readonly maxLevels?: number;
}

const NO_ARGUMENTS = '()';
const NO_KEYWORDS = '{}';

/** Positional arguments as Python prints a tuple. */
export function argsRepr(args: readonly unknown[], limits: ReprLimits = {}): string {
  return args.length === 0 ? NO_ARGUMENTS : represent(args, true, limits);
}

/** Keyword arguments as Python prints a dict. */
export function kwargsRepr(kwargs: Readonly<Record<string, unknown>>, limits: ReprLimits = {}): string {
  for (const _key in kwargs) return represent(kwargs, false, limits);
  return NO_KEYWORDS;
}

/** A value as Python's `saferepr` prints it: bounded in length (1024 by default) and depth (3). `celery/utils/saferepr.py`. */
export function saferepr(value: unknown, limits: ReprLimits = {}): string {
  return represent(value, false, limits);
}

function represent(value: unknown, tuple: boolean, limits: ReprLimits): string {
  const writer = new ReprWriter(limits.maxLength ?? 1024, limits.maxLevels ?? 3);
  writer.value(value, 0, tuple);
  return writer.text();
}

/** Writes tokens until the budget is used up, then only closes what is open. */
class ReprWriter {
  readonly #parts: string[] = [];
  readonly #maxLevels: number;
  readonly #ancestors: unknown[] = [];
  #budget: number;
  #full = false;

  constructor(maxLength: number, maxLevels: number) {
    this.#budget = maxLength;
    this.#maxLevels = maxLevels;
  }

  text(): string {
    return this.#parts.join('');
  }

  value(value: unknown, level: number, tuple: boolean): void {
    if (typeof value === 'string') return this.#string(value);
    if (value instanceof Uint8Array) return this.#bytes(value);
    const scalar = scalarRepr(value);
    if (scalar !== undefined) return this.#write(scalar);
    if (Array.isArray(value))
      return tuple ? this.#list(value, level, '(', value.length === 1 ? ',)' : ')') : this.#list(value, level, '[', ']');
    return this.#object(value as object, level);
  }

  #list(items: readonly unknown[], level: number, open: string, close: string): void {
    if (items.length === 0) return this.#write(open + close);
    if (this.#tooDeep(items, level)) return this.#write(open === '(' ? '(...,)' : '[...]');
    this.#container(items, open, close, items.length, (index) => this.value(items[index], level + 1, false));
  }

  #object(object: object, level: number): void {
    const keys = Object.keys(object);
    if (keys.length === 0) return this.#write('{}');
    if (this.#tooDeep(object, level)) return this.#write('{...}');
    this.#container(object, '{', '}', keys.length, (index) => {
      const key = keys[index] ?? '';
      this.#string(key);
      this.#write(': ');
      this.value((object as Readonly<Record<string, unknown>>)[key], level + 1, false);
    });
  }

  #container(self: unknown, open: string, close: string, length: number, writeItem: (index: number) => void): void {
    this.#ancestors.push(self);
    this.#write(open);
    for (let index = 0; index < length && !this.#full; index += 1) {
      if (index > 0) this.#write(', ');
      if (!this.#full) writeItem(index);
    }
    this.#ancestors.pop();
    this.#parts.push(close);
  }

  #tooDeep(value: unknown, level: number): boolean {
    return level >= this.#maxLevels || this.#ancestors.includes(value);
  }

  #string(text: string): void {
    this.#quoted("'", text.replaceAll("'", "\\'"));
  }

  #bytes(bytes: Uint8Array): void {
    const readable = tryUtf8(bytes);
    this.#quoted("b'", readable ?? [...bytes.subarray(0, 1024)].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
  }

  #quoted(quote: string, text: string): void {
    if (text.length <= this.#budget) return this.#write(`${quote}${text}'`);
    this.#write(`${quote}${text.slice(0, Math.max(0, this.#budget))}...'`);
  }

  #write(token: string): void {
    if (this.#full) return;
    if (this.#budget <= 0) {
      this.#full = true;
      this.#parts.push(', ...');
      return;
    }
    this.#parts.push(token);
    this.#budget -= token.length;
  }
}

function scalarRepr(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return numberRepr(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'bigint':
      return value.toString();
    case 'undefined':
      return 'None';
    case 'object':
      return value === null ? 'None' : objectRepr(value);
    default:
      return `<${typeof value}>`;
  }
}

function numberRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  // Python writes at least two digits of an exponent.
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

function objectRepr(value: object): string | undefined {
  if (value instanceof DateTime) return dateTimeRepr(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '<Invalid Date>' : dateTimeRepr(DateTime.fromEpochMs(value.getTime()));
  if (value instanceof Decimal) return `Decimal('${value.value}')`;
  if (value instanceof Uuid) return `UUID('${value.toString()}')`;
  if (value instanceof PlainDate) return `datetime.date(${value.year}, ${value.month}, ${value.day})`;
  if (value instanceof PlainTime) return `datetime.time(${timeParts(value.hour, value.minute, value.second, value.microsecond)})`;
  return undefined;
}

function dateTimeRepr(value: DateTime): string {
  const local = new Date(value.getTime() + (value.offsetMinutes ?? 0) * 60_000);
  const day = `${local.getUTCFullYear()}, ${local.getUTCMonth() + 1}, ${local.getUTCDate()}`;
  const time = timeParts(local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds(), value.microsecond);
  return `datetime.datetime(${day}, ${time}${zoneRepr(value.offsetMinutes)})`;
}

function timeParts(hour: number, minute: number, second: number, microsecond: number): string {
  const parts = [hour, minute];
  if (second !== 0 || microsecond !== 0) parts.push(second);
  if (microsecond !== 0) parts.push(microsecond);
  return parts.join(', ');
}

function zoneRepr(offsetMinutes: number | undefined): string {
  if (offsetMinutes === undefined) return '';
  if (offsetMinutes === 0) return ', tzinfo=datetime.timezone.utc';
  const days = offsetMinutes < 0 ? 'days=-1, ' : '';
  const seconds = (offsetMinutes < 0 ? offsetMinutes + 1440 : offsetMinutes) * 60;
  return `, tzinfo=datetime.timezone(datetime.timedelta(${days}seconds=${seconds}))`;
}
