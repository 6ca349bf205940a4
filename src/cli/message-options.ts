import type { Argv } from 'yargs';
import { seconds, text, whole } from './option-types.ts';

/** Options of `call`. */
export function callOptions<T>(yargs: Argv<T>): Argv<T> {
  return sendOptions(yargs)
    .option('wait', { alias: 'w', type: 'boolean', describe: 'Wait for the result and print it; exit 1 if the task failed' })
    .option('timeout', { ...seconds('timeout'), describe: 'With --wait: seconds to wait; exit 75 when they pass' })
    .option('dry-run', { type: 'boolean', describe: 'Send nothing: print the message, as encode does' })
    .example("$0 -A tasks.ts call tasks.add -a '[2, 3]' --wait", 'send a task and print its result')
    .example(
      '$0 -b amqp://localhost// call tasks.add -k \'{"x": 2}\' --countdown 10',
      'name a broker, run in ten seconds',
    ) as unknown as Argv<T>;
}

/** Options of `encode`. */
export function encodeOptions<T>(yargs: Argv<T>): Argv<T> {
  return sendOptions(yargs)
    .option('protocol', { ...whole('protocol'), describe: "Task protocol, 1 or 2; by default the app's task_protocol" })
    .option('broker-format', { ...text, describe: 'amqp, filesystem or redis; by default that of the broker URL' })
    .example("$0 encode tasks.add -a '[2, 3]' --id 1", 'the AMQP message: properties, headers and body')
    .example("$0 encode tasks.add -a '[2, 3]' | $0 decode -", 'see it explained')
    .example(
      "$0 encode tasks.add -a '[2, 3]' --broker-format filesystem > data_in/1_1.celery.msg",
      "put it into a filesystem broker's folder",
    ) as unknown as Argv<T>;
}

/** Options of `decode`. */
export function decodeOptions<T>(yargs: Argv<T>): Argv<T> {
  return yargs
    .positional('file', { type: 'string', describe: 'File to read; - is stdin' })
    .option('queue', {
      ...text,
      describe:
        'Show the head of this queue and leave it there. AMQP knows no peeking: the message is taken and given back, keeps its place, is marked redelivered, and a quorum queue counts a delivery',
    })
    .option('result', { ...text, describe: 'Show the stored result of this task id' })
    .option('form', { ...text, describe: 'envelope (filesystem, Redis), amqp (what encode prints), body or result; detected by default' })
    .option('headers', { ...text, describe: 'For a bare body: its headers, a JSON object' })
    .option('content-type', { ...text, describe: 'For a bare body: how it is serialised; application/json by default' })
    .option('content-encoding', { ...text, describe: 'For a bare body: utf-8 (default) or binary' })
    .option('compression', { ...text, describe: 'For a bare body: how it is compressed, e.g. gzip' })
    .option('accept', { ...text, describe: "Comma-separated content the workers accept; by default the app's accept_content" })
    .example('$0 decode data_in/1_1.celery.msg', "a filesystem broker's message")
    .example('redis-cli lindex celery -1 | $0 decode -', 'the next message of a Redis queue')
    .example('$0 -b amqp://localhost// decode --queue celery', 'the head of a RabbitMQ queue')
    .example('$0 --result-backend redis://localhost decode --result 4bdde1fc-c45a-445d-9c28-60f49fd86c74', 'a stored result');
}

/** What `call` and `encode` say about a message. */
function sendOptions<T>(yargs: Argv<T>): Argv<T> {
  return yargs
    .positional('name', { type: 'string', describe: 'Name of the task', demandOption: true })
    .option('args', { alias: 'a', ...text, describe: "Positional arguments, a JSON array, e.g. '[2, 3]'; - reads stdin" })
    .option('kwargs', { alias: 'k', ...text, describe: 'Keyword arguments, a JSON object' })
    .option('eta', { ...text, describe: 'ISO-8601 time to run at' })
    .option('countdown', { ...seconds('countdown'), describe: 'Seconds from now to run at' })
    .option('expires', { ...text, describe: 'Seconds from now, or an ISO-8601 time, after which the task is not run' })
    .option('serializer', { ...text, describe: 'Name of a serializer, e.g. json' })
    .option('compression', { ...text, describe: 'Name of a compression, e.g. gzip' })
    .option('queue', { ...text, describe: 'Queue to send to' })
    .option('exchange', { ...text, describe: 'Exchange to send to' })
    .option('routing-key', { ...text, describe: 'Routing key' })
    .option('priority', { ...whole('priority'), describe: 'Message priority: RabbitMQ runs high numbers first' })
    .option('id', { ...text, describe: 'Task id; a new uuid by default' })
    .option('headers', { ...text, describe: 'Custom message headers, a JSON object' }) as unknown as Argv<T>;
}
