import { parseBrokerUrls } from '../../base/broker-url.ts';
import { censored } from '../../app/censor.ts';
import type { CommandHandler } from '../../control/panel.ts';
import type { ControlContext } from './context.ts';

/** Celery's inspect commands about the process. */
export const processCommands: Readonly<Record<string, CommandHandler<ControlContext>>> = { stats, memsample, memdump };

/** `celery/worker/worker.py stats`, `celery/worker/consumer/consumer.py`. */
function stats({ app, worker }: ControlContext): Record<string, unknown> {
  const { state } = worker;
  const autoscaler = worker.autoscaler?.info();
  return {
    total: Object.fromEntries(state.totals),
    pid: app.host.pid,
    clock: String(app.clock.value),
    uptime: Math.floor((app.host.now() - state.startedAt) / 1000),
    pool: worker.taskPool?.info() ?? null,
    broker: brokerInfo({ app }),
    prefetch_count: worker.prefetchCount,
    ...(autoscaler === undefined ? undefined : { autoscaler }),
    rusage: resourceUsage(),
  };
}

/** `kombu/connection.py Connection.info`, without password. */
function brokerInfo({ app }: Pick<ControlContext, 'app'>): Record<string, unknown> {
  const { settings } = app;
  const [url, ...others] = parseBrokerUrls(settings.broker_url);
  const isAmqp = url?.scheme.includes('amqp') === true;
  return {
    hostname: url?.hostname ?? 'localhost',
    userid: url?.username ?? (isAmqp ? 'guest' : null),
    virtual_host: url?.virtualHost === '' ? '/' : url?.virtualHost,
    port: url?.port ?? (isAmqp ? 5672 : null),
    insist: false,
    ssl: settings.broker_use_ssl !== false || url?.scheme === 'amqps',
    transport: isAmqp ? 'amqp' : (url?.scheme ?? null),
    connect_timeout: settings.broker_connection_timeout,
    transport_options: censored('', settings.broker_transport_options),
    login_method: isAmqp ? 'PLAIN' : null,
    uri_prefix: null,
    heartbeat: settings.broker_heartbeat ?? 0,
    failover_strategy: 'round-robin',
    alternates: others.map(({ masked }) => masked),
    credential_provider: null,
  };
}

/** Python's `getrusage`. */
function resourceUsage(): Record<string, number> {
  const usage = process.resourceUsage();
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  };
}

/** Samples that `memdump` shows. */
const MOST_SAMPLES = 1000;

function sample(): string {
  return `${(process.memoryUsage.rss() / 2 ** 20).toFixed(3)}MB`;
}

/** `celery/utils/debug.py sample_mem`. */
function memsample({ worker }: ControlContext): string {
  const now = sample();
  worker.memorySamples.push(now);
  if (worker.memorySamples.length > MOST_SAMPLES) worker.memorySamples.shift();
  return now;
}

/** `celery/utils/debug.py memdump`. */
function memdump({ worker }: ControlContext, args: Readonly<Record<string, unknown>>): string {
  const wanted = typeof args['samples'] === 'number' && args['samples'] > 0 ? Math.floor(args['samples']) : 10;
  const earlier = worker.memorySamples.splice(0).slice(-wanted);
  const lines = earlier.length === 0 ? [] : ['- rss (sample):', ...earlier.map((text) => `-    > ${text},`)];
  return `${[...lines, `- rss (end): ${sample()}.`].join('\n')}\n`;
}
