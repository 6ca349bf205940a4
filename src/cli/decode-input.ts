import { tryUtf8 } from '../base/bytes.ts';
import { DecodeError } from '../base/errors.ts';
import type { Message } from '../message/message.ts';
import { parseJson } from '../message/serializers/json-read.ts';
import type { EnvelopeBroker } from '../protocol/python/envelope.ts';
import { splitCompressedResult } from '../protocol/result.ts';
import type { Address } from '../routing/queue.ts';
import { unpackEnvelope } from '../transport/virtual/envelope.ts';
import { jsonObject } from './call-input.ts';
import { fromAmqpJson } from './message-json.ts';
import { UsageError } from './print.ts';

/** A message that was found. `bare`: nothing but its body is known. */
export interface OpenedMessage {
  readonly form: 'envelope' | 'amqp' | 'body';
  readonly message: Message;
  readonly address: Address | undefined;
  readonly bare: boolean;
}

/** An envelope that cannot be read. */
export interface OpenedFault {
  readonly form: 'fault';
  readonly reason: string;
  /** Its JSON, `undefined` where it is none. */
  readonly value: unknown;
  readonly broker: EnvelopeBroker;
}

/** What `decode` was given. */
export type Opened = OpenedMessage | OpenedFault | { readonly form: 'result'; readonly bytes: Uint8Array };

type Arguments = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, unknown>>;

const FORMS: readonly string[] = ['envelope', 'amqp', 'body', 'result'];

/** Takes an input for what `--form` says, or for what it looks like. Throws `UsageError`, and `DecodeError` for broken AMQP JSON. */
export function openInput(bytes: Uint8Array, argv: Arguments, broker: EnvelopeBroker): Opened {
  const given = argv['form'];
  if (given !== undefined && !FORMS.includes(String(given)))
    throw new UsageError(`--form takes ${FORMS.join(', ')}, not '${String(given)}'.`);
  const value = parsed(bytes);
  switch (given ?? formOf(bytes, value, argv)) {
    case 'result':
      return { form: 'result', bytes };
    case 'envelope':
      return envelope(bytes, value, broker);
    case 'amqp':
      if (!isObject(value)) throw new DecodeError('', 'an AMQP message is given as a JSON object of properties, headers and body');
      return { form: 'amqp', ...fromAmqpJson(value), bare: false };
    default:
      return body(bytes, argv);
  }
}

function formOf(bytes: Uint8Array, value: unknown, argv: Arguments): string {
  if (argv['content-type'] !== undefined || argv['headers'] !== undefined) return 'body';
  if (splitCompressedResult(bytes) !== undefined) return 'result';
  if (!isObject(value)) return 'body';
  const { properties } = value as { readonly properties?: unknown };
  if ('content-type' in value || (isObject(properties) && ('delivery_info' in properties || 'delivery_tag' in properties)))
    return 'envelope';
  if ('body' in value && ('properties' in value || 'headers' in value)) return 'amqp';
  return 'status' in value && ('result' in value || 'task_id' in value) ? 'result' : 'body';
}

function envelope(bytes: Uint8Array, value: unknown, broker: EnvelopeBroker): Opened {
  try {
    const { message, address } = unpackEnvelope(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
    return { form: 'envelope', message, address, bare: false };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { form: 'fault', reason: error.message, value, broker };
  }
}

function body(bytes: Uint8Array, argv: Arguments): Opened {
  const { compression } = argv as { readonly compression?: unknown };
  const headers = jsonObject('headers', argv['headers']);
  const message: Message = {
    body: bytes,
    contentType: typeof argv['content-type'] === 'string' ? argv['content-type'] : 'application/json',
    contentEncoding: typeof argv['content-encoding'] === 'string' ? argv['content-encoding'] : 'utf-8',
    headers: { ...headers, ...(compression === undefined ? undefined : { compression }) },
    properties: {},
  };
  return { form: 'body', message, address: undefined, bare: headers === undefined };
}

function parsed(bytes: Uint8Array): unknown {
  const text = tryUtf8(bytes);
  try {
    return text === undefined ? undefined : parseJson(text);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
