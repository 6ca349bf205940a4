import { availableParallelism } from 'node:os';
import { createLogger } from '../driver/logger.ts';
import { packageVersion } from '../driver/version.ts';
import type { LogLevel } from '../base/logger.ts';
import type { Celery } from '../celery.ts';
import type { Worker } from '../worker/worker.ts';
import { banner } from './banner.ts';
import { appOptions } from './client-app.ts';
import { importModule, loadApp } from './load-app.ts';
import { refuseMissingFlags } from './not-built.ts';
import { note, UsageError } from './print.ts';
import { runUntilSignal } from './signals.ts';
import { catchStrayErrors } from './stray.ts';

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
  const concurrency = concurrencyOf(argv['concurrency']);
  const { app: target, overrides } = appOptions(argv);
  if (target === undefined) throw new UsageError('A worker needs an app.', 'tq-bridge -A tasks.ts worker -l INFO');
  const app = await loadApp(target);
  app.configure(overrides);
  for (const file of list(argv['include']) ?? []) await importModule(file);
  const json = argv['json'] === true;
  const logger = createLogger({ level, format: json || argv['log-format'] === 'json' ? 'json' : 'text' });
  app.setLogger(logger);
  const running = app.worker({
    ...optional('pool', pool),
    ...optional('concurrency', concurrency),
    ...optional('queues', list(argv['queues'])),
    ...optional('excludeQueues', list(argv['exclude-queues'])),
    ...optional('hostname', argv['hostname'] as string | undefined),
    ...optional('prefetchMultiplier', argv['prefetch-multiplier'] as number | undefined),
    ...optional('taskEvents', argv['task-events'] === true ? true : undefined),
    ...optional('withoutHeartbeat', argv['without-heartbeat'] as boolean | undefined),
    ...optional('heartbeatInterval', argv['heartbeat-interval'] as number | undefined),
  });
  // Celery says these on the terminal, whatever the log level; a reader of JSON gets them as lines.
  const say = json ? (text: string): void => logger.info(text) : note;
  if (argv['quiet'] !== true && !json) note(bannerOf(app, running, logger.isEnabled('info')));
  const stopCatching = catchStrayErrors(logger);
  try {
    return await runUntilSignal(running, say);
  } finally {
    await app.close();
    stopCatching();
  }
}

function bannerOf(app: Celery, { hostname, pool, concurrency, queues }: Worker, showTasks: boolean): string {
  return banner({
    hostname,
    version: packageVersion(),
    appName: app.name,
    transport: app.brokerLabel,
    results: app.backendLabel,
    concurrency,
    pool,
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

function poolName(value: unknown): 'async' | 'solo' | undefined {
  switch (value) {
    case undefined:
      return undefined;
    case 'async':
      return 'async';
    case 'solo':
      return 'solo';
    case 'gevent':
    case 'eventlet':
      note(`The ${String(value)} pool is Python's; its counterpart here is async, which runs now.`);
      return 'async';
    case 'prefork':
    case 'processes':
    case 'threads':
      throw new UsageError(`The ${String(value)} pool is not built yet.`, 'use -P async (many tasks on one event loop) or -P solo');
    default:
      throw new UsageError(`No such pool: '${String(value)}'.`, 'use -P async or -P solo');
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

function list(value: unknown): string[] | undefined {
  if (typeof value !== 'string') return undefined;
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
}
