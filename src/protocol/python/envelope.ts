import { crashLoop, isDict, verdict } from './verdict.ts';
import type { CeleryRelease, PythonVerdict } from './verdict.ts';

/** Brokers without exchanges, which store envelopes. */
export type EnvelopeBroker = 'redis' | 'filesystem';

/**
 * What a Python worker does with an envelope that kombu cannot read, `undefined` for one it can. `value` is the parsed JSON,
 * `undefined` where it is none. `kombu/transport/virtual/base.py Message`, `Channel.message_to_python`.
 */
export function pythonEnvelopeVerdict(value: unknown, broker: EnvelopeBroker, release: CeleryRelease): PythonVerdict | undefined {
  const fault = faultOf(value);
  if (fault === undefined) return undefined;
  const { why, kind } = fault;
  // The file was moved away before it was read.
  if (broker === 'filesystem') return verdict('crash', 'nothing', why);
  if (kind === 'restored') return crashLoop(`${why}; the message is put back`);
  if (kind === 'KeyError' && release === '5.7') return verdict('lost', 'nothing', `KeyError: ${why}`);
  return verdict('crash', 'nothing', why);
}

interface Fault {
  readonly why: string;
  /** When the message was counted as taken before the error, it is put back; kombu 5.7 takes a KeyError for a broken connection. */
  readonly kind: 'destroyed' | 'KeyError' | 'restored';
}

function faultOf(envelope: unknown): Fault | undefined {
  if (envelope === undefined) return { kind: 'destroyed', why: 'the envelope is not JSON' };
  if (!isDict(envelope)) return { kind: 'destroyed', why: 'the envelope is not an object' };
  const { properties, headers, body } = envelope as { readonly [key in 'properties' | 'headers' | 'body']?: unknown };
  const inside = propertiesFault(envelope, properties);
  if (inside !== undefined) return inside;
  if (headers !== undefined && headers !== null && !isDict(headers)) return { kind: 'destroyed', why: 'headers is not an object' };
  if (body === undefined || body === null) return { kind: 'restored', why: 'there is no body' };
  if (typeof body !== 'string') return { kind: 'destroyed', why: 'the body is not text' };
  if (!('content-type' in envelope)) return { kind: 'restored', why: 'there is no content-type' };
  const encoding = isDict(properties) ? properties['body_encoding'] : undefined;
  return encoding === 'base64' && !isBase64(body) ? { kind: 'destroyed', why: 'the body is not base64' } : undefined;
}

function propertiesFault(envelope: Readonly<Record<string, unknown>>, properties: unknown): Fault | undefined {
  if (!('properties' in envelope)) return { kind: 'KeyError', why: 'there are no properties' };
  if (!isDict(properties)) return { kind: 'destroyed', why: 'properties is not an object' };
  const { delivery_tag: tag, delivery_info: info, body_encoding: encoding } = properties as { readonly [key in PropertyName]?: unknown };
  if (!('delivery_tag' in properties)) return { kind: 'KeyError', why: 'there is no delivery_tag' };
  if (!('delivery_info' in properties)) return { kind: 'KeyError', why: 'there is no delivery_info' };
  if (!isDict(info)) return { kind: 'destroyed', why: 'delivery_info is not an object' };
  if (!('exchange' in info) || !('routing_key' in info)) return { kind: 'KeyError', why: 'delivery_info lacks exchange or routing_key' };
  if (typeof tag === 'object' && tag !== null) return { kind: 'destroyed', why: 'the delivery_tag cannot be a key' };
  const known = encoding === undefined || encoding === null || encoding === 'base64' || encoding === 'utf-8';
  return known ? undefined : { kind: 'destroyed', why: `no codec is called ${String(encoding).slice(0, 100)}` };
}

type PropertyName = 'delivery_tag' | 'delivery_info' | 'body_encoding';

/** Python's decoder skips foreign characters and insists on the padding. */
function isBase64(text: string): boolean {
  const digits = text.replaceAll(/[^A-Za-z0-9+/]/g, '');
  const padding = /=*$/.exec(text.trimEnd())?.[0].length ?? 0;
  const rest = digits.length % 4;
  return rest === 0 || (rest === 2 && padding >= 2) || (rest === 3 && padding >= 1);
}
