import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createLogger } from '../driver/logger.ts';
import type { LogLevel } from '../base/logger.ts';
import type { Celery } from '../celery.ts';
import { banner } from './banner.ts';
import { appOptions } from './client-app.ts';
import { importModule, loadApp } from './load-app.ts';
import { refuseMissingFlags } from './not-built.ts';
import { note, UsageError } from './print.ts';
import { runUntilSignal } from './signals.ts';

const LEVELS: Readonly<Record<string, LogLevel>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warning',
  ERROR: 'error',
  CRITICAL: 'critical',
  FATAL: 'critical',
};

/** Tasks at once on one event loop: mostly waiting, so many. */
const DEFAULT_ASYNC_CONCURRENCY = 50;

/** `tq-bridge worker`: runs a worker until a signal ends it. Exit 0 after TERM, 1 after INT. */
export async function worker(argv: Readonly<Record<string, unknown>>): Promise<number> {
  refuseMissingFlags(argv);
  const level = logLevel(argv['loglevel']);
  const pool = poolName(argv['pool']);
  const concurrency = concurrencyOf(argv['concurrency'], pool);
  const { app: target, overrides } = appOptions(argv);
  if (target === undefined) throw new UsageError('A worker needs an app.', 'tq-bridge -A tasks.ts worker -l INFO');
  const app = await loadApp(target);
  app.configure(overrides);
  for (const file of list(argv['include']) ?? []) await importModule(file);
  const logger = createLogger({ level, format: argv['log-format'] === 'json' ? 'json' : 'text' });
  app.setLogger(logger);
  const running = app.worker({
    pool,
    concurrency,
    ...optional('queues', list(argv['queues'])),
    ...optional('excludeQueues', list(argv['exclude-queues'])),
    ...optional('hostname', argv['hostname'] as string | undefined),
    ...optional('prefetchMultiplier', argv['prefetch-multiplier'] as number | undefined),
  });
  if (argv['quiet'] !== true) note(bannerOf(app, running.hostname, pool, concurrency, running.queues));
  const code = await runUntilSignal(running, logger);
  await app.close();
  return code;
}

function bannerOf(
  app: Celery,
  hostname: string,
  pool: string,
  concurrency: number,
  queues: Parameters<typeof banner>[0]['queues'],
): string {
  const version = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
  return banner({
    hostname,
    version,
    appName: app.name,
    transport: app.brokerLabel,
    results: app.backendLabel,
    concurrency,
    pool,
    queues,
    tasks: app.tasks.names(),
  });
}

function logLevel(value: unknown): LogLevel {
  const name = value === undefined ? 'WARNING' : String(value).toUpperCase();
  const level = LEVELS[name];
  if (level === undefined) throw new UsageError(`--loglevel takes ${Object.keys(LEVELS).join(', ')}, not '${String(value)}'.`);
  return level;
}

function poolName(value: unknown): 'async' | 'solo' {
  switch (value ?? 'async') {
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

function concurrencyOf(value: unknown, pool: 'async' | 'solo'): number {
  if (value === 'auto' || (value === undefined && pool !== 'async')) return availableParallelism();
  if (value === undefined) return DEFAULT_ASYNC_CONCURRENCY;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`--concurrency takes a whole number of 1 or more, not '${String(value)}'.`);
  return number;
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
