import type { Pages } from '../../base/pages.ts';
import type { WorkerState } from '../state.ts';
import type { WorkerOptions } from '../worker.ts';
import { HealthWatch } from './health.ts';
import type { HealthSources } from './health.ts';
import { healthPages, StatusServer } from './status-server.ts';
import { TaskMetrics } from './task-metrics.ts';

/** What of a worker is watched. */
export interface Monitored extends HealthSources {
  readonly hostname: string;
  readonly state: WorkerState;
}

/** The parts of a worker that tell monitors how it is. */
export interface Monitoring {
  readonly servers: readonly StatusServer[];
  readonly watch: HealthWatch;
  /** Where a path is served, once it is. */
  port(path: string): number | undefined;
}

const MAX_PORT = 65_535;

/** Throws `RangeError` for what is no port. */
export function checkPorts({ healthPort, metricsPort }: WorkerOptions): void {
  for (const [option, port] of Object.entries({ healthPort, metricsPort })) {
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= MAX_PORT))
      throw new RangeError(`${option} must be a port: a whole number from 0 to ${MAX_PORT}`);
  }
}

/** `undefined` for a worker with neither port: it measures nothing. */
export function makeMonitoring(options: WorkerOptions, monitored: Monitored): Monitoring | undefined {
  const { healthPort, metricsPort = healthPort, healthHost: host } = options;
  if (metricsPort === undefined) return undefined;
  const watch = new HealthWatch(monitored);
  const health = healthPages(() => watch.health);
  const metrics = metricsPages(monitored, watch);
  const servers =
    healthPort === metricsPort
      ? [new StatusServer('health-port', { ...health, ...metrics }, { port: metricsPort, host })]
      : [
          ...(healthPort === undefined ? [] : [new StatusServer('health-port', health, { port: healthPort, host })]),
          new StatusServer('metrics-port', metrics, { port: metricsPort, host }),
        ];
  return { servers, watch, port: (path) => servers.find((server) => server.serves(path))?.port };
}

function metricsPages({ hostname, state }: Monitored, watch: HealthWatch): Pages {
  const metrics = new TaskMetrics({ hostname, now: () => performance.now(), running: () => state.active.size, online: () => watch.online });
  state.observe(metrics);
  return { '/metrics': () => metrics.page() };
}
