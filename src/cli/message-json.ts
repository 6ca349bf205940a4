import { base64Decode, base64Encode, tryUtf8, utf8Encode } from '../base/bytes.ts';
import { DecodeError } from '../base/errors.ts';
import type { Message, MessageProperties } from '../message/message.ts';
import type { Address } from '../routing/queue.ts';

/** An AMQP message as JSON: what `encode` prints and `decode` reads. Names are AMQP's; `body` is text, or base64 where it says so. */
export interface AmqpJson {
  readonly exchange: string;
  readonly routing_key: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly body_encoding?: 'base64';
}

/** A message in AMQP's terms. */
export function toAmqpJson(message: Message, to: Address): AmqpJson {
  const { properties } = message;
  const text = tryUtf8(message.body);
  return {
    exchange: to.exchange,
    routing_key: to.routingKey,
    properties: amqpProperties(message.contentType, message.contentEncoding, properties),
    headers: message.headers,
    ...(text === undefined ? { body: base64Encode(message.body), body_encoding: 'base64' } : { body: text }),
  };
}

/** kombu's properties under AMQP's names; those that are not set are left out. */
export function amqpProperties(
  contentType: string | undefined,
  contentEncoding: string | undefined,
  properties: MessageProperties,
): Readonly<Record<string, unknown>> {
  const all = {
    content_type: contentType,
    content_encoding: contentEncoding,
    delivery_mode: properties.deliveryMode,
    priority: properties.priority,
    correlation_id: properties.correlationId,
    reply_to: properties.replyTo,
    expiration: properties.expiration,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads what `toAmqpJson` writes; everything but the body may be missing. Throws `DecodeError`. */
export function fromAmqpJson(value: Fields): { readonly message: Message; readonly address: Address | undefined } {
  const properties = object(value['properties'] ?? {}, 'properties');
  const { exchange, routing_key: routingKey } = value as { readonly exchange?: unknown; readonly routing_key?: unknown };
  return {
    message: {
      body: bodyBytes(value['body'], value['body_encoding']),
      contentType: text(properties['content_type']),
      contentEncoding: text(properties['content_encoding']),
      headers: object(value['headers'] ?? {}, 'headers'),
      properties: messageProperties(properties),
    },
    address: typeof routingKey === 'string' ? { exchange: text(exchange) ?? '', routingKey } : undefined,
  };
}

function bodyBytes(body: unknown, encoding: unknown): Uint8Array {
  if (typeof body !== 'string') throw new DecodeError('body', 'expected text');
  return encoding === 'base64' ? base64Decode(body) : utf8Encode(body);
}

function messageProperties(wire: Fields): MessageProperties {
  const mode = wire['delivery_mode'];
  const correlationId = text(wire['correlation_id']);
  const replyTo = text(wire['reply_to']);
  const expiration = text(wire['expiration']);
  return {
    ...(mode === 1 || mode === 2 ? { deliveryMode: mode } : undefined),
    ...(typeof wire['priority'] === 'number' ? { priority: wire['priority'] } : undefined),
    ...(correlationId === undefined ? undefined : { correlationId }),
    ...(replyTo === undefined ? undefined : { replyTo }),
    ...(expiration === undefined ? undefined : { expiration }),
  };
}

function object(value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new DecodeError(path, 'expected an object');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
