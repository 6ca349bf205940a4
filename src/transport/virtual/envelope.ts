import { base64Decode, base64Encode, utf8Encode } from '../../base/bytes.ts';
import { DecodeError } from '../../base/errors.ts';
import type { Message, MessageProperties } from '../../message/message.ts';
import { parseJson } from '../../message/serializers/json-read.ts';
import { writeJson } from '../../message/serializers/json-write.ts';
import type { Address } from '../../routing/queue.ts';

/** A message unpacked from kombu's virtual envelope. */
export interface Unpacked {
  readonly message: Message;
  readonly address: Address;
  readonly deliveryTag: string;
  readonly redelivered: boolean;
  readonly priority: number | undefined;
}

/** A message as the JSON text every broker without exchanges stores. `kombu/transport/virtual/base.py prepare_message`. */
export function packEnvelope(message: Message, to: Address, deliveryTag: string, redelivered = false): string {
  const { properties } = message;
  return writeJson({
    body: base64Encode(message.body),
    'content-encoding': message.contentEncoding,
    'content-type': message.contentType,
    headers: redelivered ? { ...message.headers, redelivered: true } : message.headers,
    properties: {
      correlation_id: properties.correlationId,
      reply_to: properties.replyTo,
      expiration: properties.expiration,
      delivery_mode: properties.deliveryMode ?? 2,
      delivery_info: { exchange: to.exchange, routing_key: to.routingKey, ...(redelivered ? { redelivered: true } : undefined) },
      priority: properties.priority ?? 0,
      body_encoding: 'base64',
      delivery_tag: deliveryTag,
    },
  });
}

/** Reads an envelope. Throws `DecodeError` for anything a Python worker would die of. */
export function unpackEnvelope(text: string): Unpacked {
  const envelope = object(parseJson(text), 'envelope');
  const properties = object(envelope['properties'], 'properties');
  const info = object(properties['delivery_info'], 'properties.delivery_info');
  const { exchange, routing_key: routingKey } = info as { readonly exchange?: unknown; readonly routing_key?: unknown };
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') {
    throw new DecodeError('properties.delivery_info', 'expected exchange and routing_key');
  }
  const headers = envelope['headers'] ?? {};
  const deliveryTag = properties['delivery_tag'];
  if (typeof deliveryTag !== 'string' && typeof deliveryTag !== 'number') throw new DecodeError('properties.delivery_tag', 'expected text');
  return {
    message: {
      body: body(envelope['body'], properties['body_encoding']),
      contentType: optionalText(envelope['content-type']),
      contentEncoding: optionalText(envelope['content-encoding']),
      headers: object(headers, 'headers'),
      properties: messageProperties(properties),
    },
    address: { exchange, routingKey },
    deliveryTag: String(deliveryTag),
    redelivered: info['redelivered'] === true,
    priority: typeof properties['priority'] === 'number' ? properties['priority'] : undefined,
  };
}

function messageProperties(wire: Fields): MessageProperties {
  const {
    delivery_mode: mode,
    priority,
    correlation_id: correlationId,
    reply_to: replyTo,
    expiration,
  } = wire as Fields & { readonly [key in PropertyKeyWire]?: unknown };
  return {
    ...(mode === 1 || mode === 2 ? { deliveryMode: mode } : undefined),
    ...(typeof priority === 'number' ? { priority } : undefined),
    ...(typeof correlationId === 'string' ? { correlationId } : undefined),
    ...(typeof replyTo === 'string' ? { replyTo } : undefined),
    ...(typeof expiration === 'string' ? { expiration } : undefined),
  };
}

type PropertyKeyWire = 'delivery_mode' | 'priority' | 'correlation_id' | 'reply_to' | 'expiration';
type Fields = Readonly<Record<string, unknown>>;

function body(value: unknown, encoding: unknown): Uint8Array {
  if (typeof value !== 'string') throw new DecodeError('body', 'expected text');
  if (encoding === 'base64') return base64Decode(value);
  if (encoding === undefined || encoding === null || encoding === 'utf-8') return utf8Encode(value);
  throw new DecodeError('properties.body_encoding', 'expected base64');
}

function object(value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new DecodeError(path, 'expected an object');
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
