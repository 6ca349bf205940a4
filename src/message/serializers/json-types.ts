import { base64Decode, base64Encode, tryUtf8, utf8Encode } from '../../base/bytes.ts';
import { DecodeError } from '../../base/errors.ts';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../base/values.ts';
import type { JsonTypes } from './json-own-types.ts';

/** The two keys, and only these, that mark a typed value. */
export interface TypedValue {
  readonly __type__: unknown;
  readonly __value__: unknown;
}

/** kombu's envelope for a value JSON has no word for, or `undefined` for any other object. */
export function toTyped(value: object): TypedValue | undefined {
  if (value instanceof DateTime) return typed('datetime', value.isoformat());
  if (value instanceof Date) return typed('datetime', DateTime.fromEpochMs(value.getTime()).isoformat());
  if (value instanceof Decimal) return typed('decimal', value.value);
  if (value instanceof Uuid) return typed('uuid', { hex: value.hex });
  if (value instanceof PlainDate) return typed('date', value.isoformat());
  if (value instanceof PlainTime) return typed('time', value.isoformat());
  if (value instanceof Uint8Array) return bytesToTyped(value);
  return undefined;
}

function bytesToTyped(bytes: Uint8Array): TypedValue {
  const text = tryUtf8(bytes);
  return text === undefined ? typed('base64', base64Encode(bytes)) : typed('bytes', text);
}

function typed(type: string, value: unknown): TypedValue {
  return { __type__: type, __value__: value };
}

/** The value of an envelope. Throws `DecodeError` for an unknown type or a value of the wrong shape, as kombu does. */
export function fromTyped(envelope: TypedValue, types: JsonTypes): unknown {
  const { __type__: type, __value__: value } = envelope;
  const own = typeof type === 'string' ? types.decode(type, value) : undefined;
  if (own !== undefined) return own.value;
  const read = typeof type === 'string' ? READERS.get(type) : undefined;
  if (read === undefined) throw new DecodeError('', `unsupported typed value ${describe(type)}`);
  const result = read(value);
  if (result === undefined) throw new DecodeError('', `not a ${String(type)}: ${describe(value)}`);
  return result;
}

const READERS: ReadonlyMap<string, (value: unknown) => unknown> = new Map<string, (value: unknown) => unknown>([
  ['datetime', (value) => (typeof value === 'string' ? DateTime.fromIso(value) : undefined)],
  ['date', (value) => (typeof value === 'string' ? PlainDate.fromIso(value) : undefined)],
  ['time', (value) => (typeof value === 'string' ? PlainTime.fromIso(value) : undefined)],
  ['decimal', readDecimal],
  ['uuid', readUuid],
  ['bytes', (value) => (typeof value === 'string' ? utf8Encode(value) : undefined)],
  ['base64', (value) => (typeof value === 'string' ? base64Decode(value) : undefined)],
]);

function readDecimal(value: unknown): Decimal | undefined {
  try {
    return typeof value === 'string' ? new Decimal(value) : undefined;
  } catch {
    return undefined;
  }
}

function readUuid(value: unknown): Uuid | undefined {
  const hex = typeof value === 'object' && value !== null && 'hex' in value ? value.hex : undefined;
  try {
    return typeof hex === 'string' ? new Uuid(hex) : undefined;
  } catch {
    return undefined;
  }
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 100)}'` : value === null ? 'null' : typeof value;
}
