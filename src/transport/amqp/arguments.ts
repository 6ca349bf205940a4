import type { Message } from '../../message/message.ts';

/** amqplib's way to name the wire type of a value. */
interface Tagged {
  readonly '!': 'int' | 'long' | 'timestamp';
  readonly value: number | bigint;
}

const MAX_INT = 0x7fffffff;
const MIN_INT = -0x7fffffff;

/**
 * Headers with every integer labelled int32, or int64 beyond: py-amqp up to 5.3 misreads the small tags amqplib would
 * choose (`amqp/serialization.py`). Nested values too; `undefined` is left out. `asBytes` makes of a byte array the one kind
 * that amqplib does not take for a table of numbers.
 */
export function tagTable(table: Readonly<Record<string, unknown>>, asBytes: AsBytes): Record<string, unknown> {
  const tagged: Record<string, unknown> = {};
  for (const key in table) {
    const value = tagValue(table[key], asBytes);
    // A peer's header may be called __proto__: it stays a key like any other.
    if (key === '__proto__') Object.defineProperty(tagged, key, { value, enumerable: true });
    else tagged[key] = value;
  }
  return tagged;
}

/** Bytes as a Node `Buffer`, which this room has no type for. */
export type AsBytes = (bytes: Uint8Array) => Uint8Array;

function tagValue(value: unknown, asBytes: AsBytes): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? tagInteger(value) : value;
    case 'bigint':
      return { '!': 'long', value } satisfies Tagged;
    case 'object':
      return value === null ? null : tagObject(value, asBytes);
    default:
      return value;
  }
}

function tagInteger(value: number): Tagged | number {
  if (value <= MAX_INT && value >= MIN_INT) return { '!': 'int', value };
  // Beyond 2^63 only a double can carry it.
  return Number.isSafeInteger(value) ? { '!': 'long', value } : value;
}

function tagObject(value: object, asBytes: AsBytes): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => tagValue(item, asBytes));
  if (value instanceof Uint8Array) return asBytes(value);
  if (value instanceof Date) return { '!': 'timestamp', value: Math.floor(value.getTime() / 1000) } satisfies Tagged;
  return tagTable(value as Readonly<Record<string, unknown>>, asBytes);
}

/** The publish options of one message. */
export interface PublishOptions {
  readonly headers: Record<string, unknown>;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly deliveryMode: number | undefined;
  readonly priority: number | undefined;
  readonly correlationId: string | undefined;
  readonly replyTo: string | undefined;
  readonly expiration: string | undefined;
}

/** kombu's properties as AMQP basic properties. */
export function publishOptions(message: Message, asBytes: AsBytes): PublishOptions {
  const { properties } = message;
  return {
    headers: tagTable(message.headers, asBytes),
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    deliveryMode: properties.deliveryMode,
    priority: properties.priority,
    correlationId: properties.correlationId,
    replyTo: properties.replyTo,
    expiration: properties.expiration,
  };
}

/** Whether a queue refuses a prefetch shared by a channel. */
export function isQuorum(args: Readonly<Record<string, unknown>>): boolean {
  return args['x-queue-type'] === 'quorum';
}
