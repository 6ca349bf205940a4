import { base64Encode, tryUtf8 } from '../base/bytes.ts';
import type { Message, MessageProperties } from '../message/message.ts';
import type { Address } from '../routing/queue.ts';

/** An AMQP message as JSON: what `encode` prints. Names are AMQP's; `body` is text, or base64 where it says so. */
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
