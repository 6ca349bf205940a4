import yargs from 'yargs';
import type { Argv } from 'yargs';
import { packageVersion } from '../driver/version.ts';
import { splitShortValues } from './argv.ts';
import { Environment, optionNames } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { eventsOptions } from './events-options.ts';
import { callOptions, decodeOptions, encodeOptions } from './message-options.ts';
import { declareMissingFlags, declareMissingGlobals, refuseMissingGlobals } from './not-built.ts';
import { port, positive, seconds, text, whole } from './option-types.ts';
import { remoteOptions, statusOptions } from './remote-options.ts';
import { reportError } from './print.ts';
import { listOptions, purgeOptions } from './queue-options.ts';
import { explainUsage } from './usage.ts';

type Command = (argv: Readonly<Record<string, unknown>>) => Promise<number>;

/** Parses a command line, runs its command and resolves to the exit code. Never rejects. */
export async function run(words: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  let debug = false;
  const perform =
    (load: () => Promise<Command>) =>
    async (argv: Readonly<Record<string, unknown>>): Promise<void> => {
      debug = argv['debug'] === true;
      refuseMissingGlobals(argv);
      if (typeof argv['workdir'] === 'string') process.chdir(argv['workdir']);
      exitCode = await (await load())(argv);
    };
  const split = splitShortValues(words);
  const environment = new Environment(process.env, split);
  try {
    await commandLine(split, { perform, environment }).parseAsync();
  } catch (error) {
    exitCode = reportError(environment.blame(error), debug);
  }
  return exitCode;
}

type Perform = (load: () => Promise<Command>) => (argv: Readonly<Record<string, unknown>>) => Promise<void>;

interface Surroundings {
  readonly perform: Perform;
  readonly environment: Environment;
}

function commandLine(words: readonly string[], { perform, environment }: Surroundings): Argv {
  const parser: Argv = declareMissingGlobals(yargs([...words]));
  const common = new Set<string>();
  const filled =
    (spec: string, options: (yargs: Argv) => Argv) =>
    (yargs: Argv): Argv =>
      environment.fill(options(yargs), spec, common);
  const withCommon = parser
    .scriptName('tq-bridge')
    .locale('en')
    .usage('$0 <command> [options]')
    .parserConfiguration({ 'parse-positional-numbers': false, 'boolean-negation': false, 'strip-aliased': true })
    .option('app', {
      alias: 'A',
      ...text,
      describe: 'Module that exports the app as `app`, `celery` or default (.ts or .js); also CELERY_APP',
    })
    .option('broker', { alias: 'b', ...text, describe: 'Broker URL; also CELERY_BROKER_URL' })
    .option('result-backend', { ...text, describe: 'Result backend URL; also CELERY_RESULT_BACKEND' })
    .option('workdir', { ...text, describe: 'Change to this directory first' })
    .option('quiet', { alias: 'q', type: 'boolean', describe: 'No banner, no notes' })
    .option('json', {
      alias: 'j',
      type: 'boolean',
      describe: 'Machine-readable output on stdout; for a worker: log lines as JSON, no banner',
    })
    .option('no-color', { alias: 'C', type: 'boolean', describe: 'Accepted: nothing here is coloured' })
    .option('debug', { type: 'boolean', describe: 'Print stack traces of errors' });
  for (const name of optionNames(withCommon)) common.add(name);
  return withCommon
    .command(
      'worker',
      'Run a worker',
      filled('worker', workerOptions),
      perform(async () => (await import('./worker.ts')).worker),
    )
    .command(
      'call <name>',
      'Send a task',
      filled('call <name>', callOptions),
      perform(async () => (await import('./call.ts')).call),
    )
    .command(
      'result <id>',
      'Print the result of a task',
      filled('result <id>', resultOptions),
      perform(async () => (await import('./result.ts')).result),
    )
    .command(
      'encode <name>',
      'Print the message that call would send',
      filled('encode <name>', encodeOptions),
      perform(async () => (await import('./encode.ts')).encode),
    )
    .command(
      'decode [file]',
      'Show a message or a stored result, and what becomes of it',
      filled('decode [file]', decodeOptions),
      perform(async () => (await import('./decode.ts')).decode),
    )
    .command(
      'inspect [words..]',
      'Ask workers what they do',
      filled('inspect [words..]', remoteOptions),
      perform(async () => (await import('./remote.ts')).inspect),
    )
    .command(
      'control [words..]',
      'Tell workers to do something',
      filled('control [words..]', remoteOptions),
      perform(async () => (await import('./remote.ts')).control),
    )
    .command(
      'status',
      'List the workers that answer',
      filled('status', statusOptions),
      perform(async () => (await import('./remote.ts')).status),
    )
    .command(
      'purge',
      "Throw away what waits in the app's queues",
      filled('purge', purgeOptions),
      perform(async () => (await import('./queues.ts')).purge),
    )
    .command(
      'list <what>',
      'What the queues are bound to, or how much waits in them for how many consumers',
      filled('list <what>', listOptions),
      perform(async () => (await import('./queues.ts')).list),
    )
    .command(
      'report',
      'What a bug report needs, without secrets',
      filled('report', (yargs) => yargs),
      perform(async () => (await import('./queues.ts')).report),
    )
    .command(
      'events',
      "Watch a cluster's events",
      filled('events', eventsOptions),
      perform(async () => (await import('./events.ts')).events),
    )
    .demandCommand(1, 'Name a command: worker, call, result, status, inspect, control, events, purge, list, report, encode or decode.')
    .strict()
    .version(packageVersion())
    .alias('help', 'h')
    .epilogue('An option is also read from CELERY_<COMMAND>_<OPTION>: CELERY_WORKER_CONCURRENCY=4. The command line wins.')
    .wrap(110)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message: string | null, error: Error | undefined) => {
      if (error !== undefined && error !== null) throw error;
      throw explainUsage(message ?? 'unreadable command line', words, LONG_OPTIONS);
    });
}

function workerOptions<T>(yargs: Argv<T>): Argv<T> {
  const declared = yargs
    .option('hostname', { alias: 'n', ...text, describe: "Node name, e.g. 'w1@%h' (%h hostname, %n name, %d domain)" })
    .option('loglevel', { alias: 'l', ...text, describe: 'DEBUG, INFO, WARNING (default), ERROR, CRITICAL or FATAL' })
    .option('log-format', { ...text, choices: ['text', 'json'], describe: "Celery's log line, or one JSON object a line" })
    .option('concurrency', { alias: 'c', ...text, describe: 'Tasks at once: 50 for the async pool, else the number of CPUs (auto)' })
    .option('pool', { alias: 'P', ...text, describe: 'async (default), solo, prefork or threads' })
    .option('prefetch-multiplier', { ...whole('prefetch-multiplier'), describe: 'Messages fetched ahead per slot (4); 0 is no limit' })
    .option('autoscale', { ...text, describe: 'max,min: children at most and at least, as many as there are tasks' })
    .option('disable-prefetch', { type: 'boolean', describe: 'Take a message only when a slot is free (not from AMQP brokers)' })
    .option('optimization', { alias: 'O', ...text, describe: 'default or fair: a child is given one task at a time either way' })
    .option('time-limit', { ...seconds('time-limit'), describe: 'Seconds after which a task is ended by force (prefork, threads)' })
    .option('soft-time-limit', { ...seconds('soft-time-limit'), describe: "Seconds after which a task's signal is aborted" })
    .option('max-tasks-per-child', { ...positive('max-tasks-per-child'), describe: 'Tasks after which a child is replaced' })
    .option('max-memory-per-child', {
      ...positive('max-memory-per-child'),
      describe: 'KiB of resident memory after which a child is replaced',
    })
    .option('queues', { alias: 'Q', ...text, describe: 'Comma-separated queues to consume' })
    .option('exclude-queues', { alias: 'X', ...text, describe: 'Comma-separated queues not to consume' })
    .option('include', { alias: 'I', ...text, describe: 'Comma-separated modules to import besides the app' })
    .option('statedb', { alias: 'S', ...text, describe: 'File that keeps revoked ids from one run to the next' })
    .option('without-gossip', { type: 'boolean', describe: 'Does not listen to other workers' })
    .option('without-mingle', { type: 'boolean', describe: 'Does not ask other workers at start what they have revoked' })
    .option('purge', { alias: 'discard', type: 'boolean', describe: 'Throw away what waits in the queues first' })
    .option('pidfile', { ...text, describe: 'Write the process id there; refuse to start when another holds it (%n %h %p)' })
    .option('logfile', { alias: 'f', ...text, describe: 'Log there instead of to stderr; reopened when it was moved away' })
    .option('without-heartbeat', { type: 'boolean', describe: 'Send no event heartbeats' })
    .option('heartbeat-interval', { ...seconds('heartbeat-interval'), describe: 'Seconds between event heartbeats (2)' })
    .option('task-events', { alias: ['E', 'events'], type: 'boolean', describe: 'Send events about tasks, for monitors such as Flower' })
    .option('health-port', { ...port('health-port'), describe: 'Serve /healthz, /readyz and /metrics there over HTTP' })
    .option('metrics-port', { ...port('metrics-port'), describe: 'Serve /metrics, for Prometheus, on a port of its own' })
    .option('health-host', { ...text, describe: 'Address to serve them on; every interface by default' })
    .example('$0 -A tasks.ts worker -l INFO', 'run the tasks of ./tasks.ts')
    .example('$0 -A tasks.ts worker -Q mail,slow -c 10', 'consume two queues, ten tasks at once');
  return declareMissingFlags(declared) as unknown as Argv<T>;
}

function resultOptions<T>(yargs: Argv<T>): Argv<T> {
  return yargs
    .positional('id', { type: 'string', describe: 'Task id', demandOption: true })
    .option('traceback', { type: 'boolean', describe: 'Print the traceback instead of the result' })
    .option('timeout', {
      ...seconds('timeout'),
      describe: 'Seconds to wait; exit 75 when they pass. Without it: for ever, as celery result',
    })
    .option('no-wait', { type: 'boolean', describe: 'Print what is stored now; exit 75 when nothing final is' })
    .example(
      '$0 --result-backend redis://localhost result 4bdde1fc-c45a-445d-9c28-60f49fd86c74',
      'wait for a result',
    ) as unknown as Argv<T>;
}

/** For suggestions: yargs keeps the names it knows to itself. */
const LONG_OPTIONS = [
  'statedb',
  'destination',
  'expect',
  'list',
  'app',
  'broker',
  'result-backend',
  'workdir',
  'quiet',
  'json',
  'debug',
  'no-color',
  'hostname',
  'loglevel',
  'log-format',
  'concurrency',
  'pool',
  'prefetch-multiplier',
  'autoscale',
  'disable-prefetch',
  'optimization',
  'time-limit',
  'soft-time-limit',
  'max-tasks-per-child',
  'max-memory-per-child',
  'queues',
  'exclude-queues',
  'include',
  'purge',
  'pidfile',
  'logfile',
  'force',
  'without-gossip',
  'without-mingle',
  'without-heartbeat',
  'heartbeat-interval',
  'health-port',
  'metrics-port',
  'health-host',
  'task-events',
  'args',
  'kwargs',
  'eta',
  'countdown',
  'expires',
  'serializer',
  'compression',
  'queue',
  'exchange',
  'routing-key',
  'priority',
  'id',
  'headers',
  'wait',
  'timeout',
  'traceback',
  'no-wait',
  'dry-run',
  'protocol',
  'broker-format',
  'form',
  'result',
  'content-type',
  'content-encoding',
  'accept',
  'dump',
  'type',
  'task',
] as const;
