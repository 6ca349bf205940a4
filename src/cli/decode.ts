import { readFileSync } from 'node:fs';
import { LimitError } from '../base/errors.ts';
import { parseBrokerUrls } from '../base/broker-url.ts';
import { Celery } from '../celery.ts';
import { appOptions, clientApp } from './client-app.ts';
import { openInput } from './decode-input.ts';
import type { Opened } from './decode-input.ts';
import { EXIT } from './exit-codes.ts';
import { inspectFault, inspectMessage } from './inspect-message.ts';
import { inspectResult } from './inspect-result.ts';
import type { Report } from './report.ts';
import { printLine, UsageError } from './print.ts';
import { reportJson, reportText } from './report-text.ts';
import { messageOf } from '../base/message-of.ts';

type Arguments = Readonly<Record<string, unknown>>;

/**
 * `tq-bridge decode`: shows a message or a stored result, and what a Python worker and this one do with it. Nothing is run, and
 * no module of the user's imported but the one `-A` names. Exit 0 for whatever can be shown, readable or not.
 */
export async function decode(argv: Arguments): Promise<number> {
  await using app = await plainApp(argv);
  const opened = await source(app, argv);
  const report = inspect(app, opened, argv);
  printLine(argv['json'] === true ? reportJson(report) : reportText(report));
  return EXIT.ok;
}

/** A look at a message must not import what the environment happens to name. */
async function plainApp(argv: Arguments): Promise<Celery> {
  return argv['app'] === undefined ? new Celery('tq-bridge', appOptions(argv).overrides) : clientApp(argv);
}

function inspect(app: Celery, opened: Opened, argv: Arguments): Report {
  const world = { app, accept: acceptList(app, argv['accept']), nowMs: app.host.now() };
  switch (opened.form) {
    case 'result':
      return inspectResult(app, opened.bytes);
    case 'fault':
      return inspectFault(world, opened);
    default:
      return inspectMessage(world, opened);
  }
}

async function source(app: Celery, argv: Arguments): Promise<Opened> {
  const { file, queue, result } = argv as { readonly [key in 'file' | 'queue' | 'result']?: string };
  const given = [file, queue, result].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw new UsageError('decode needs one of: a file, - for stdin, --queue, --result.', 'tq-bridge encode tasks.add | tq-bridge decode -');
  if (queue !== undefined) return headOf(app, queue, argv);
  if (result !== undefined) return { form: 'result', bytes: await storedResult(app, result) };
  return openInput(readInput(String(file), app.settings.message_max_bytes), argv, envelopeBroker(app));
}

/** yargs makes an empty text of a lone dash. */
function readInput(file: string, maxBytes: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file === '-' || file === '' ? 0 : file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${messageOf(error)}`);
  }
  // An envelope holds its body in base64.
  if (bytes.length > maxBytes * 2) throw new LimitError(`an input of ${bytes.length} bytes; the limit is ${maxBytes * 2}`);
  return bytes;
}

async function headOf(app: Celery, queue: string, argv: Arguments): Promise<Opened> {
  if (app.settings.broker_url.startsWith('memory')) throw new UsageError('memory:// queues are in the process that fills them.');
  const channel = await (await app.openLink().open()).openChannel();
  const peeked = await channel.peek(queue);
  if (peeked === undefined) throw new UsageError(`The queue ${queue} is empty.`);
  if ('payload' in peeked) return openInput(new TextEncoder().encode(peeked.payload), { ...argv, form: 'envelope' }, envelopeBroker(app));
  return { form: 'amqp', message: peeked.message, address: peeked.info, bare: false };
}

async function storedResult(app: Celery, id: string): Promise<Uint8Array> {
  const backend = await app.backend();
  if (backend.stored === undefined)
    throw new UsageError('--result needs a backend that stores results.', 'for example --result-backend redis://localhost');
  const bytes = await backend.stored(id);
  if (bytes === undefined) throw new UsageError(`Nothing is stored of ${id}: it is PENDING, or unknown.`);
  return bytes;
}

function envelopeBroker(app: Celery): 'redis' | 'filesystem' {
  return parseBrokerUrls(app.settings.broker_url)[0]?.scheme === 'filesystem' ? 'filesystem' : 'redis';
}

function acceptList(app: Celery, given: unknown): ReadonlySet<string> {
  const items = typeof given === 'string' ? given.split(',').map((item) => item.trim()) : app.settings.accept_content;
  return app.serializers.contentTypes(items);
}
