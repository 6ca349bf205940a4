import { parseBrokerUrls } from '../../base/broker-url.ts';
import { ImproperlyConfiguredError } from '../../base/errors.ts';
import type { LogLevel } from '../../base/logger.ts';
import type { Worker, WorkerOptions } from '../worker.ts';
import type { PoolOptions } from './registry.ts';
import type { Boot } from './wire.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical'];

/** What the options and settings of a worker say about its pool. */
export function poolOptions(worker: Worker, options: WorkerOptions): PoolOptions {
  const { settings } = worker.app;
  const maxMemoryPerChildKib = options.maxMemoryPerChild ?? settings.worker_max_memory_per_child ?? undefined;
  return {
    size: worker.concurrency,
    boot: () => bootOf(worker, options, maxMemoryPerChildKib !== undefined),
    aliveTimeoutMs: settings.worker_proc_alive_timeout * 1000,
    maxTasksPerChild: options.maxTasksPerChild ?? settings.worker_max_tasks_per_child ?? undefined,
    maxMemoryPerChildKib,
    logger: worker.logger,
    json: worker.app.serializers.byName('json'),
  };
}

/** Throws `ImproperlyConfiguredError` where the app's module is not known, or what it was configured with cannot cross. */
function bootOf({ app, pool, hostname, logger }: Worker, { source }: WorkerOptions, reportMemory: boolean): Boot {
  if (source === undefined) {
    throw new ImproperlyConfiguredError(
      `the ${pool} pool runs tasks in children that import the app anew: app.worker({ source: { module: import.meta.url } }) names its module`,
    );
  }
  if (parseBrokerUrls(app.settings.broker_url).some(({ scheme }) => scheme === 'memory'))
    throw new ImproperlyConfiguredError(
      `the memory broker is of one process, and what tasks send from children of the ${pool} pool would be lost: use the async pool, or filesystem://`,
    );
  const { module, exportName, include = [] } = source;
  return {
    module,
    exportName,
    include,
    overrides: cloneable(app.overrides),
    hostname,
    logLevel: LEVELS.find((level) => logger.isEnabled(level)) ?? 'critical',
    reportMemory,
  };
}

function cloneable(overrides: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return structuredClone(overrides);
  } catch (error) {
    throw new ImproperlyConfiguredError(
      'what configure() was given must be plain data: children are configured alike. Give functions to new Celery() instead',
      { cause: error },
    );
  }
}
