import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../base/values.ts';

const MOST = 100;

/** Where a value holds more than JSON, by path: dates, decimals, UUIDs, bytes, integers beyond 2^53, NaN and Infinity. */
export function typedPlaces(value: unknown): Readonly<Record<string, string>> {
  const places: Record<string, string> = {};
  const left: [string, unknown][] = [['$', value]];
  for (let next = left.pop(); next !== undefined && Object.keys(places).length < MOST; next = left.pop()) {
    const [path, item] = next;
    const type = typeOf(item);
    if (type !== undefined) places[path] = type;
    else if (Array.isArray(item))
      left.push(...item.map((inner: unknown, index): [string, unknown] => [`${path}[${index}]`, inner]).toReversed());
    else if (typeof item === 'object' && item !== null)
      left.push(
        ...Object.entries(item)
          .map(([key, inner]): [string, unknown] => [`${path}.${key.slice(0, 100)}`, inner])
          .toReversed(),
      );
  }
  return places;
}

function typeOf(value: unknown): string | undefined {
  if (typeof value === 'bigint') return 'integer beyond 2^53';
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value);
  if (value instanceof DateTime) return value.offsetMinutes === undefined ? 'datetime without a time zone' : 'datetime';
  if (value instanceof Date) return 'datetime';
  if (value instanceof PlainDate) return 'date';
  if (value instanceof PlainTime) return 'time';
  if (value instanceof Decimal) return 'decimal';
  if (value instanceof Uuid) return 'uuid';
  return value instanceof Uint8Array ? `${value.length} bytes` : undefined;
}
