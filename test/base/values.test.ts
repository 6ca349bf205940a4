import { describe, expect, test } from 'vitest';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../src/base/values.ts';

describe('DateTime', () => {
  test.each(['2026-11-24T10:11:12', '2026-11-24T10:11:12.123456+05:30', '1960-01-01T00:00:00.000001-08:00'])(
    'writes %s back as it was read',
    (text) => {
      expect(DateTime.fromIso(text)?.isoformat()).toBe(text);
    },
  );

  test('is the Date of its moment', () => {
    const time = DateTime.fromIso('2026-11-24T10:11:12.123456+05:30');
    expect(time).toBeInstanceOf(Date);
    expect(time?.toISOString()).toBe('2026-11-24T04:41:12.123Z');
    expect(time?.microsecond).toBe(123_456);
    expect(time?.offsetMinutes).toBe(330);
  });

  test('made from an epoch is aware and in UTC', () => {
    expect(DateTime.fromEpochMs(1).isoformat()).toBe('1970-01-01T00:00:00.001000+00:00');
  });
});

describe('PlainDate', () => {
  test('round-trips its text', () => {
    expect(PlainDate.fromIso('0001-02-03')?.isoformat()).toBe('0001-02-03');
  });

  test.each(['2026-02-29', '2026-1-1', ''])('refuses %j', (text) => {
    expect(PlainDate.fromIso(text)).toBeUndefined();
  });
});

describe('PlainTime', () => {
  test.each(['01:02:03', '01:02:03.000004', '23:59:59.999999+05:30'])('round-trips %s', (text) => {
    expect(PlainTime.fromIso(text)?.isoformat()).toBe(text);
  });

  test.each(['25:00', '10:60', ''])('refuses %j', (text) => {
    expect(PlainTime.fromIso(text)).toBeUndefined();
  });
});

describe('Decimal', () => {
  test.each(['1.10', '-0', '1E+3', 'Infinity', '-Infinity', 'NaN', 'sNaN12'])('keeps the text %s', (text) => {
    expect(new Decimal(text).toString()).toBe(text);
  });

  test('answers infinities as numbers', () => {
    expect(new Decimal('-inf').toNumber()).toBe(-Infinity);
    expect(new Decimal('1.10').toNumber()).toBe(1.1);
  });

  test.each(['', '1,5', '0x10', '.'])('refuses %j', (text) => {
    expect(() => new Decimal(text)).toThrow(RangeError);
  });
});

describe('Uuid', () => {
  test('reads both spellings and writes dashes', () => {
    expect(new Uuid('0123456789ABCDEF0123456789abcdef').toString()).toBe('01234567-89ab-cdef-0123-456789abcdef');
    expect(new Uuid('01234567-89ab-cdef-0123-456789abcdef').hex).toBe('0123456789abcdef0123456789abcdef');
  });

  test('refuses what is no UUID', () => {
    expect(() => new Uuid('0123')).toThrow(RangeError);
  });
});
