import { messageLimits } from '../app/limits.ts';
import { tryUtf8 } from '../base/bytes.ts';
import { LimitError, TqError } from '../base/errors.ts';
import type { Celery } from '../celery.ts';
import { decodeMessage } from '../message/decode.ts';
import type { Message } from '../message/message.ts';
import { decodeTask } from '../protocol/detect.ts';
import { pythonVerdict } from '../protocol/python/delivery.ts';
import { pythonEnvelopeVerdict } from '../protocol/python/envelope.ts';
import type { BodySeen, CeleryRelease, PythonVerdict } from '../protocol/python/verdict.ts';
import type { OpenedFault, OpenedMessage } from './decode-input.ts';
import { explain } from './explain.ts';
import { amqpProperties } from './message-json.ts';
import { ownVerdict } from './own-verdict.ts';
import type { Report } from './report.ts';
import { signatureOf } from './signed-view.ts';
import { typedPlaces } from './typed-places.ts';

/** Where a message is looked at. */
export interface World {
  readonly app: Celery;
  /** Content types that the workers accept. */
  readonly accept: ReadonlySet<string>;
  readonly nowMs: number;
}

const RELEASES: readonly CeleryRelease[] = ['5.7', '5.6'];
/** kombu lets these past every accept list. */
const TRUSTED: ReadonlySet<string> = new Set(['application/data', 'application/text']);
const SHOWN_CHARACTERS = 2000;

/** Everything there is to say about a message. Total, whatever the message holds. */
export function inspectMessage(world: World, { form, message: given, address, bare }: OpenedMessage): Report {
  const value = read(world, given);
  // A bare protocol-2 body is judged as if its headers were good.
  const assumed = bare && value instanceof Array;
  const message = assumed ? { ...given, headers: { ...given.headers, task: '?', id: '?' } } : given;
  const signature = signatureOf(message, value, world.app.serializers.byContentType('application/data')?.name === 'auth');
  return {
    form,
    ...(address === undefined ? undefined : { exchange: address.exchange, routing_key: address.routingKey }),
    properties: amqpProperties(message.contentType, message.contentEncoding, message.properties),
    headers: given.headers,
    body_bytes: message.body.length,
    ...(value instanceof TqError
      ? { unreadable: value.message, body: bodyText(message.body) }
      : parts(message, value, world.nowMs, assumed)),
    ...(signature === undefined ? undefined : { signature }),
    python: pythonVerdicts(world, message, value),
    tq_bridge: ownVerdict(world, message),
  };
}

/** An envelope that cannot be unpacked: no message comes of it. */
export function inspectFault(_world: World, { reason, value, broker }: OpenedFault): Report {
  const python = Object.fromEntries(
    RELEASES.map((release) => [release, pythonEnvelopeVerdict(value, broker, release) ?? 'reads it all the same']),
  );
  return {
    form: 'envelope',
    unreadable: reason,
    body: value ?? null,
    python,
    tq_bridge: 'puts it aside, with one line in the log; nothing is stored, for it has no id that can be trusted',
  };
}

/** The value of the body whatever is accepted, or the error that reading it ends with. */
function read({ app }: World, message: Message): unknown {
  try {
    return decodeMessage(message, {
      registry: app.serializers,
      compressors: app.compressors,
      accept: new Set([message.contentType ?? 'application/data']),
      ...messageLimits(app.settings),
    });
  } catch (error) {
    if (error instanceof TqError) return error;
    throw error;
  }
}

function parts(message: Message, value: unknown, nowMs: number, assumed: boolean): Partial<Report> {
  const decoded = decodeTask(message.headers, value);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const fields = isObject && !('task' in message.headers) ? (value as Readonly<Record<string, unknown>>) : message.headers;
  const common = { notes: explain({ ...message.headers, ...fields }, message.properties, nowMs), typed: typedPlaces(value) };
  if (decoded.kind !== 'task') {
    const why = decoded.kind === 'invalid' ? { unreadable: decoded.reason } : undefined;
    return { ...common, ...why, protocol: decoded.kind === 'invalid' ? (isObject ? 1 : 2) : 'none', body: value };
  }
  const { task, id, args, kwargs, embed } = decoded.request;
  return { ...common, protocol: decoded.protocol, ...(assumed ? undefined : { task, id }), args, kwargs, embed };
}

function pythonVerdicts(world: World, message: Message, value: unknown): Readonly<Record<string, PythonVerdict | string>> {
  if (value instanceof LimitError) return { '5.7': OVER_LIMIT, '5.6': OVER_LIMIT };
  const seen = { headers: message.headers, body: seenByPython(world, message, value), nowMs: world.nowMs };
  return Object.fromEntries(RELEASES.map((release) => [release, pythonVerdict(seen, release)]));
}

const OVER_LIMIT = 'reads it whole, whatever its size: Celery has no limits';

function seenByPython({ app, accept }: World, message: Message, value: unknown): BodySeen {
  const contentType = message.contentType ?? 'application/data';
  const fitsCompression = !(value instanceof TqError) || message.headers['compression'] === undefined;
  if (fitsCompression && !TRUSTED.has(contentType) && !accept.has(contentType)) return { kind: 'disallowed', contentType };
  if (fitsCompression && TRUSTED.has(contentType) && app.serializers.byContentType(contentType) === undefined) {
    // Without a decoder kombu hands over the text.
    const text = tryUtf8(message.body);
    return text === undefined ? { kind: 'undecodable', reason: 'not valid UTF-8' } : { kind: 'value', value: text };
  }
  return value instanceof TqError ? { kind: 'undecodable', reason: value.message } : { kind: 'value', value };
}

function bodyText(bytes: Uint8Array): string {
  return tryUtf8(bytes)?.slice(0, SHOWN_CHARACTERS) ?? `hex ${Buffer.from(bytes.subarray(0, SHOWN_CHARACTERS / 2)).toString('hex')}`;
}
