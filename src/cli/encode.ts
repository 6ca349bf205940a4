import type { SendOptions } from '../app/options.ts';
import { parseBrokerUrls } from '../base/broker-url.ts';
import type { Celery } from '../celery.ts';
import { writeJson } from '../message/serializers/json-write.ts';
import { packEnvelope } from '../transport/virtual/envelope.ts';
import { callArguments, sendOptions } from './call-input.ts';
import { clientApp } from './client-app.ts';
import { EXIT } from './exit-codes.ts';
import { indentJson } from './indent-json.ts';
import { toAmqpJson } from './message-json.ts';
import { printLine, UsageError } from './print.ts';

/** `tq-bridge encode NAME`: prints the message that `call` would send. No broker is asked. */
export async function encode(argv: Readonly<Record<string, unknown>>): Promise<number> {
  const call = { name: String(argv['name']), args: callArguments(argv), options: sendOptions(argv) };
  const protocol = argv['protocol'];
  if (protocol !== undefined && protocol !== 1 && protocol !== 2) throw new UsageError('--protocol takes 1 or 2.');
  await using app = await clientApp(argv, protocol === undefined ? {} : { task_protocol: protocol });
  return printMessage(app, call, argv);
}

/** A call to be shown. */
export interface ShownCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly options: SendOptions;
}

/** Prints the message of a call in the form its broker takes: an envelope on one line, as it is stored, or AMQP's parts as JSON. */
export function printMessage(app: Celery, { name, args, options }: ShownCall, argv: Readonly<Record<string, unknown>>): number {
  const format = argv['broker-format'] ?? formatOf(app.settings.broker_url);
  const { message, address } = app.prepareTask(name, args, options);
  switch (format) {
    case 'filesystem':
    case 'redis':
      // kombu writes one envelope for every broker without exchanges.
      printLine(packEnvelope(message, address, app.host.uuid()));
      return EXIT.ok;
    case 'amqp': {
      const json = writeJson(toAmqpJson(message, address));
      printLine(argv['json'] === true ? json : indentJson(json));
      return EXIT.ok;
    }
    default:
      throw new UsageError(`--broker-format takes amqp, filesystem or redis, not '${String(format)}'.`);
  }
}

function formatOf(brokerUrl: string): 'amqp' | 'filesystem' | 'redis' {
  const scheme = parseBrokerUrls(brokerUrl)[0]?.scheme ?? '';
  if (/^(redis|rediss|valkey)/.test(scheme)) return 'redis';
  return scheme === 'filesystem' || scheme === 'memory' ? 'filesystem' : 'amqp';
}
