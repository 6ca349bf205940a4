import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../base/values.ts';

/** Python's length of a text: its characters, where JavaScript counts half of some. */
export function codePoints(text: string): number {
  return SURROGATE.test(text) ? Array.from(text).length : text.length;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Text of `max` characters or more, cut at the last space before. `celery/utils/text.py truncate`. */
export function truncate(text: string, max: number): string {
  if (text.length < max) return text;
  // No more than twice as many units can matter, however long the text is.
  const characters = Array.from(text.slice(0, 2 * max));
  if (characters.length < max) return text;
  const cut = characters.slice(0, max).join('');
  const space = cut.lastIndexOf(' ');
  return `${space < 0 ? cut : cut.slice(0, space)}...`;
}

/** What Python's `repr` writes for a value that is neither text, bytes nor a container; `undefined` for those. */
export function scalarRepr(value: unknown): string | undefined {
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
  const magnitude = Math.abs(value);
  // Python takes an exponent below 1e-4, and writes two digits of it at least.
  const text = magnitude !== 0 && magnitude < 1e-4 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function objectRepr(value: object): string | undefined {
  if (value instanceof DateTime) return dateTimeRepr(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '<Invalid Date>' : dateTimeRepr(DateTime.fromEpochMs(value.getTime()));
  if (value instanceof Decimal) return `Decimal('${value.value}')`;
  if (value instanceof Uuid) return `UUID('${value.toString()}')`;
  if (value instanceof PlainDate) return `datetime.date(${value.year}, ${value.month}, ${value.day})`;
  if (value instanceof PlainTime)
    return `datetime.time(${timeParts(value.hour, value.minute, value.second, value.microsecond)}${zoneRepr(value.offsetMinutes)})`;
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
