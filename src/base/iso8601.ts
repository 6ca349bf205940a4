import type { EpochMs } from './host.ts';

/** A moment as ISO-8601 spells it. `offsetMinutes` is `undefined` for a naive time, whose epoch is computed as UTC. */
export interface IsoMoment {
  readonly epochMs: EpochMs;
  /** Microseconds within the second, 0 to 999999. */
  readonly microsecond: number;
  readonly offsetMinutes: number | undefined;
}

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?|(\d{2})(\d{2})|-?W(\d{2})(?:-?(\d))?|-(\d{3})|(\d{3}))?$/;
const TIME = /^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?$/;
const LONGEST = 64;

/**
 * Reads what `dateutil.parser.isoparse` reads: extended and basic dates, week and ordinal dates, `T` or a space, `.` or `,`
 * fractions, `Z` and offsets, 24:00. Years 1 to 9999. Total: anything else is `undefined`.
 */
export function parseIso8601(text: string): IsoMoment | undefined {
  if (text.length > LONGEST) return undefined;
  const split = text.search(/[T ]/);
  const date = parseDate(split < 0 ? text : text.slice(0, split));
  if (date === undefined) return undefined;
  if (split < 0) return { epochMs: date, microsecond: 0, offsetMinutes: undefined };
  return parseTime(date, text.slice(split + 1));
}

function parseDate(text: string): EpochMs | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, basicMonth, basicDay, week, weekday, dashedOrdinal, ordinal] = match;
  const y = Number(year);
  if (y < 1) return undefined;
  if (week !== undefined) return weekDate(y, Number(week), Number(weekday ?? 1));
  const dayOfYear = dashedOrdinal ?? ordinal;
  if (dayOfYear !== undefined) return ordinalDate(y, Number(dayOfYear));
  return calendarDate(y, Number(month ?? basicMonth ?? 1), Number(day ?? basicDay ?? 1));
}

function calendarDate(year: number, month: number, day: number): EpochMs | undefined {
  const epoch = utcDate(year, month - 1, day);
  const date = new Date(epoch);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? epoch : undefined;
}

function ordinalDate(year: number, day: number): EpochMs | undefined {
  const epoch = utcDate(year, 0, day);
  return day > 0 && new Date(epoch).getUTCFullYear() === year ? epoch : undefined;
}

function weekDate(year: number, week: number, weekday: number): EpochMs | undefined {
  if (week < 1 || week > 53 || weekday < 1 || weekday > 7) return undefined;
  // The week that holds 4 January is week 1.
  const fourth = new Date(utcDate(year, 0, 4));
  const mondayOfWeek1 = 4 - ((fourth.getUTCDay() + 6) % 7);
  return utcDate(year, 0, mondayOfWeek1 + (week - 1) * 7 + weekday - 1);
}

function utcDate(year: number, month: number, day: number): EpochMs {
  // Date.UTC reads years 0 to 99 as 1900 to 1999.
  return new Date(0).setUTCFullYear(year, month, day);
}

function parseTime(date: EpochMs, text: string): IsoMoment | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const hour = Number(match[1]);
  const minute = Number(match[2] ?? 0);
  const second = Number(match[3] ?? 0);
  const microsecond = Number((match[4] ?? '').slice(0, 6).padEnd(6, '0'));
  const midnight = hour === 24 && minute === 0 && second === 0 && microsecond === 0;
  if ((hour > 23 && !midnight) || minute > 59 || second > 59) return undefined;
  const offsetMinutes = parseOffset(match[5]);
  if (offsetMinutes === null) return undefined;
  const local = date + hour * 3_600_000 + minute * 60_000 + second * 1000 + Math.floor(microsecond / 1000);
  return { epochMs: local - (offsetMinutes ?? 0) * 60_000, microsecond, offsetMinutes };
}

function parseOffset(text: string | undefined): number | undefined | null {
  if (text === undefined) return undefined;
  if (text === 'Z' || text === 'z') return 0;
  const digits = text.slice(1).replace(':', '');
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2) || 0);
  if (hours > 23 || minutes > 59) return null;
  return (text[0] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

/** `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`, the form every Python and every Celery reads. */
export function formatUtc(epochMs: EpochMs): string {
  return `${formatLocal(epochMs, Math.floor((((epochMs % 1000) + 1000) % 1000) * 1000), true)}+00:00`;
}

/** Python's `datetime.isoformat()` without an offset; the fraction is left out when it is zero, unless `always`. */
export function formatLocal(localMs: EpochMs, microsecond: number, always = false): string {
  const date = new Date(Math.floor(localMs / 1000) * 1000);
  const text = `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}T${pad(date.getUTCHours(), 2)}:${pad(date.getUTCMinutes(), 2)}:${pad(date.getUTCSeconds(), 2)}`;
  return microsecond === 0 && !always ? text : `${text}.${pad(microsecond, 6)}`;
}

/** `+01:00`, or nothing for a naive time. */
export function formatOffset(offsetMinutes: number | undefined): string {
  if (offsetMinutes === undefined) return '';
  const size = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60), 2)}:${pad(size % 60, 2)}`;
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, '0');
}
