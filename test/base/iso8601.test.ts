import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatUtc, parseIso8601 } from '../../src/base/iso8601.ts';
import { DateTime } from '../../src/base/values.ts';

/** Input and what `dateutil.parser.isoparse(input).isoformat()` answered; null where it raised. */
const table = JSON.parse(readFileSync(new URL('isoparse.json', import.meta.url), 'utf8')) as [string, string | null][];

/** Where the answer is another than isoparse's. */
const deviations = new Map<string, string | null>([
  ['9999-12-31T24:00', '10000-01-01T00:00:00'],
  ['2026-11-24T10:1112', '2026-11-24T10:11:12'],
  ['2026-11-24T1011:12', '2026-11-24T10:11:12'],
  ['2026-11-24t10:11:12', null],
  ['2026-11-24X10:11', null],
  ['2026-11-24T10:11:12.1234567890', null],
]);

describe('parseIso8601', () => {
  test.each(table.filter(([text]) => !deviations.has(text)))('reads %j as isoparse does', (text, expected) => {
    expect(DateTime.fromIso(text)?.isoformat() ?? null).toBe(expected);
  });

  test.each([...deviations])('reads %j in its own way', (text, expected) => {
    expect(DateTime.fromIso(text)?.isoformat() ?? null).toBe(expected);
  });

  test('reads back what formatUtc writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (epochMs) => {
        const moment = parseIso8601(formatUtc(epochMs));
        expect(moment?.epochMs).toBe(epochMs);
        expect(moment?.offsetMinutes).toBe(0);
      }),
    );
  });

  test('answers undefined or a moment for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const moment = parseIso8601(text);
        expect(moment === undefined || Number.isFinite(moment.epochMs)).toBe(true);
      }),
    );
  });
});

describe('formatUtc', () => {
  test('always writes six digits of fraction and the offset', () => {
    expect(formatUtc(0)).toBe('1970-01-01T00:00:00.000000+00:00');
    expect(formatUtc(-1)).toBe('1969-12-31T23:59:59.999000+00:00');
  });
});
