import { readFileSync } from 'node:fs';
import type { SendOptions } from '../app/options.ts';
import { parseIso8601 } from '../base/iso8601.ts';
import { jsonSerializer } from '../message/serializers/json.ts';
import { UsageError } from './print.ts';
import { messageOf } from '../base/message-of.ts';

/** The options of `sendTask` that a command line gives. Throws `UsageError`. */
export function sendOptions(argv: Readonly<Record<string, unknown>>): SendOptions {
  const given: Record<string, unknown> = {
    taskId: argv['id'],
    kwargs: jsonObject('kwargs', argv['kwargs']),
    headers: jsonObject('headers', argv['headers']),
    countdown: argv['countdown'],
    eta: argv['eta'] === undefined ? undefined : isoDate('eta', String(argv['eta'])),
    expires: argv['expires'] === undefined ? undefined : expiry(String(argv['expires'])),
    serializer: argv['serializer'],
    compression: argv['compression'],
    queue: argv['queue'],
    exchange: argv['exchange'],
    routingKey: argv['routing-key'],
    priority: argv['priority'],
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SendOptions;
}

function expiry(text: string): number | Date {
  const seconds = Number(text);
  return Number.isFinite(seconds) && text.trim() !== '' ? seconds : isoDate('expires', text);
}

function isoDate(name: string, text: string): Date {
  const parsed = parseIso8601(text);
  if (parsed === undefined)
    throw new UsageError(`--${name} takes an ISO-8601 time, not '${text}'.`, 'for example 2030-01-02T03:04:05+00:00');
  return new Date(parsed.epochMs);
}

/** The arguments of `--args`, from stdin for `-`. Throws `UsageError`. */
export function callArguments(argv: Readonly<Record<string, unknown>>): readonly unknown[] {
  const value = argv['args'];
  if (value === undefined) return [];
  const parsed = parseJson('args', value === '-' ? readFileSync(0, 'utf8') : String(value));
  if (!Array.isArray(parsed)) throw new UsageError('--args takes a JSON array.', "for example -a '[2, 3]'");
  return parsed;
}

/** The object an option holds as JSON. Throws `UsageError`. */
export function jsonObject(name: JsonOption, value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined) return undefined;
  const parsed = parseJson(name, String(value));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new UsageError(`--${name} takes a JSON object.`);
  return parsed as Readonly<Record<string, unknown>>;
}

const EXAMPLES: Readonly<Record<JsonOption, string>> = { args: '[2, 3]', kwargs: '{"x": 2}', headers: '{"tenant": "blue"}' };

type JsonOption = 'args' | 'kwargs' | 'headers';

/** Python's JSON with kombu's typed values, so that the command line can send a date or a big integer. */
function parseJson(name: JsonOption, json: string): unknown {
  try {
    return jsonSerializer.decode(new TextEncoder().encode(json));
  } catch (error) {
    throw new UsageError(`--${name}: ${messageOf(error)}`, `for example --${name} '${EXAMPLES[name]}'`);
  }
}
