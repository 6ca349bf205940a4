import { availableParallelism } from 'node:os';
import { createLogger } from '../driver/logger.ts';
import type { LogLayout } from '../driver/logger.ts';
import { lockPidfile, PidfileTakenError } from '../driver/pidfile.ts';
import { packageVersion } from '../driver/version.ts';
import type { LogLevel } from '../base/logger.ts';
import type { Celery } from '../celery.ts';
import type { AutoscaleRange } from '../worker/autoscale.ts';
import { nodeFormat, nodeName } from '../worker/node-name.ts';
import type { PoolName } from '../worker/pool/registry.ts';
import type { Worker } from '../worker/worker.ts';
import { banner } from './banner.ts';
import { appOptions, tellOptions } from './client-app.ts';
import { EXIT } from './exit-codes.ts';
import { importModule, loadApp, moduleUrl } from './load-app.ts';
import { commaList } from './option-types.ts';
import { refuseMissingFlags } from './not-built.ts';
import { listenToOthers, startAnew } from './other-signals.ts';
import { note, UsageError } from './print.ts';
import { runUntilSignal } from './signals.ts';
import { catchStrayErrors } from '../worker/stray.ts';

const LEVELS: Readonly<Record<string, LogLevel>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warning',
  ERROR: 'error',
  CRITICAL: 'critical',
  FATAL: 'critical',
};

/** `tq-bridge worker`: runs a worker until a signal ends it. Exit 0 after TERM, 1 after INT. */
export async function worker(argv: Readonly<Record<string, unknown>>): Promise<number> {
  refuseMissingFlags(argv);
  const level = logLevel(argv['loglevel']);
  const pool = poolName(argv['pool']);
  checkOptimization(argv['optimization']);
  const autoscale = autoscaleOf(argv['autoscale']);
  const concurrency = concurrencyOf(argv['concurrency']);
  const { app: target, overrides } = appOptions(argv);
  if (target === undefined) throw new UsageError('A worker needs an app.', 'tq-bridge -A tasks.ts worker -l INFO');
  const { app, source } = await loadApp(target);
  app.configure(overrides);
  tellOptions(app, argv);
  const include = commaList(argv['include']) ?? [];
  for (const file of include) await importModule(file);
  const json = argv['json'] === true;
  const node = nodeName(argv['hostname'] as string | undefined, app.host.hostname);
  const pathOf = (flag: string): string | undefined => (typeof argv[flag] === 'string' ? nodeFormat(argv[flag], node) : undefined);
  if (!lock(pathOf('pidfile'))) return EXIT.cantCreate;
  setUpLogging(app, { level, format: json || argv['log-format'] === 'json' ? 'json' : 'text', file: pathOf('logfile') });
  const { logger } = app;
  const running = app.worker({
    ...optional('pool', pool),
    ...optional('concurrency', concurrency),
    ...optional('queues', commaList(argv['queues'])),
    ...optional('excludeQueues', commaList(argv['exclude-queues'])),
    ...optional('hostname', argv['hostname'] as string | undefined),
    ...optional('prefetchMultiplier', argv['prefetch-multiplier'] as number | undefined),
    ...optional('statedb', argv['statedb'] as string | undefined),
    withoutMingle: argv['without-mingle'] === true,
    withoutGossip: argv['without-gossip'] === true,
    ...optional('timeLimit', argv['time-limit'] as number | undefined),
    ...optional('softTimeLimit', argv['soft-time-limit'] as number | undefined),
    ...optional('maxTasksPerChild', argv['max-tasks-per-child'] as number | undefined),
    ...optional('maxMemoryPerChild', argv['max-memory-per-child'] as number | undefined),
    ...optional('autoscale', autoscale),
    ...optional('disablePrefetch', argv['disable-prefetch'] as boolean | undefined),
    source: { ...source, include: include.map(moduleUrl) },
    purge: argv['purge'] === true,
    ...optional('taskEvents', argv['task-events'] === true ? true : undefined),
    ...optional('withoutHeartbeat', argv['without-heartbeat'] as boolean | undefined),
    ...optional('heartbeatInterval', argv['heartbeat-interval'] as number | undefined),
    ...optional('healthPort', argv['health-port'] as number | undefined),
    ...optional('metricsPort', argv['metrics-port'] as number | undefined),
    ...optional('healthHost', argv['health-host'] as string | undefined),
  });
  // Celery says these on the terminal, whatever the log level; a reader of JSON gets them as lines.
  const say = json ? (text: string): void => logger.info(text) : note;
  if (argv['quiet'] !== true && !json) note(bannerOf(app, running, logger.isEnabled('info')));
  const stopCatching = catchStrayErrors(logger);
  const others = listenToOthers(running, say);
  try {
    const code = await runUntilSignal(running, say, () => app.close());
    if (others.restarts) startAnew();
    return code;
  } finally {
    others.off();
    await app.close();
    stopCatching();
  }
}

/** Writes the pidfile, if there is to be one. Returns false, and says so, when another process holds it. */
function lock(path: string | undefined): boolean {
  if (path === undefined) return true;
  try {
    lockPidfile(path, note);
    return true;
  } catch (error) {
    if (!(error instanceof PidfileTakenError)) throw error;
    note(`ERROR: ${error.message}`);
    return false;
  }
}

/** The app's own logger stays where somebody listens to `setup_logging`. */
function setUpLogging(app: Celery, options: { level: LogLevel; format: 'text' | 'json'; file: string | undefined }): void {
  const { level, format, file } = options;
  if (app.signals.has('setup_logging')) app.signals.send('setup_logging', { level, format, logfile: file });
  else app.setLogger(createLogger({ level, format, layout: layoutOf(app), ...optional('file', file) }));
}

function layoutOf({ settings }: Celery): LogLayout {
  return {
    format: settings.worker_log_format,
    datefmt: settings.worker_log_datefmt,
    taskFormat: settings.worker_task_log_format,
    taskDatefmt: settings.worker_task_log_datefmt,
  };
}

function bannerOf(app: Celery, { hostname, pool, concurrency, queues, events }: Worker, showTasks: boolean): string {
  return banner({
    hostname,
    version: packageVersion(),
    appName: app.name,
    transport: app.brokerLabel,
    results: app.backendLabel,
    concurrency,
    pool,
    taskEvents: events.sends('task'),
    queues,
    tasks: showTasks ? app.tasks.names() : undefined,
  });
}

function logLevel(value: unknown): LogLevel {
  const name = value === undefined ? 'WARNING' : String(value).toUpperCase();
  const level = LEVELS[name];
  if (level === undefined) throw new UsageError(`--loglevel takes ${Object.keys(LEVELS).join(', ')}, not '${String(value)}'.`);
  return level;
}

function poolName(value: unknown): PoolName | undefined {
  switch (value) {
    case undefined:
      return undefined;
    case 'async':
    case 'solo':
    case 'prefork':
    case 'threads':
      return value;
    case 'processes':
      return 'prefork';
    case 'gevent':
    case 'eventlet':
      note(`The ${String(value)} pool is Python's; its counterpart here is async, which runs now.`);
      return 'async';
    default:
      throw new UsageError(`No such pool: '${String(value)}'.`, 'use -P async, solo, prefork or threads');
  }
}

/** `undefined`, and Celery's 0, leave it to the settings and the pool. */
function concurrencyOf(value: unknown): number | undefined {
  if (value === 'auto') return availableParallelism();
  const number = Number(value ?? 0);
  if (!Number.isInteger(number) || number < 0)
    throw new UsageError(`--concurrency takes a whole number of 0 or more, or auto, not '${String(value)}'.`);
  return number === 0 ? undefined : number;
}

/** `max,min` in either order; a single number is max, and 0 min. `celery/bin/worker.py Autoscale`. */
function autoscaleOf(value: unknown): AutoscaleRange | undefined {
  if (value === undefined) return undefined;
  const [first = Number.NaN, second = 0, ...more] = String(value).split(',').map(Number);
  const range = { max: Math.max(first, second), min: Math.min(first, second) };
  if (more.length > 0 || !Number.isInteger(range.max) || !Number.isInteger(range.min) || range.min < 0 || range.max < 1)
    throw new UsageError(`--autoscale takes max,min: two whole numbers, not '${String(value)}'.`);
  return range;
}

/** `-O fair` is how tasks are given out here; `-O default` asks for less. */
function checkOptimization(value: unknown): void {
  if (value !== undefined && value !== 'fair' && value !== 'default')
    throw new UsageError(`-O takes default or fair, not '${String(value)}'.`);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
}
