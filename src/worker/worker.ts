import type { SignalName } from '../base/signal-name.ts';
import { availableParallelism } from 'node:os';
import type { CeleryApp } from '../app/celery.ts';
import type { Logger } from '../base/logger.ts';
import { messageOf } from '../base/message-of.ts';
import type { EventDispatcher } from '../events/dispatcher.ts';
import type { Queue } from '../routing/queue.ts';
import type { Connection } from '../transport/transport.ts';
import type { WorkerHooks } from './hooks.ts';
import { GossipStep } from './control/gossip-step.ts';
import { Mingle } from './control/mingle.ts';
import { ControlStep } from './control/step.ts';
import type { UserCommand } from './control/step.ts';
import { Autoscaler } from './autoscale.ts';
import type { AutoscaleRange } from './autoscale.ts';
import { ConsumerStep } from './consumer.ts';
import type { ConsumerContext } from './consumer.ts';
import { LoopWatch } from './loop-watch.ts';
import { RateLimits } from './rate-limits.ts';
import { TaskTimeLimits } from './limits.ts';
import { Executor } from './executor.ts';
import { eventsHook, Heartbeat, HEARTBEAT_INTERVAL } from './heartbeat.ts';
import { Intake } from './intake.ts';
import { isChild } from './pool/inside.ts';
import { poolOptions } from './pool/options.ts';
import type { Pool } from './pool/pool.ts';
import { nodeName } from './node-name.ts';
import { checkPoolName, createPool } from './pool/registry.ts';
import type { PoolName } from './pool/registry.ts';
import { Revocations } from './revocations.ts';
import { PurgeStep } from './purge.ts';
import { ColdShutdown } from './shutdown.ts';
import type { Shutdown } from './shutdown.ts';
import { checkPorts, makeMonitoring } from './monitoring/monitoring.ts';
import type { Monitoring } from './monitoring/monitoring.ts';
import type { StatusServer } from './monitoring/status-server.ts';
import { WorkerState } from './state.ts';
import { StateDb } from './state-db.ts';
import { ExtraSteps, StepList } from './steps.ts';
import type { Step } from './steps.ts';
import { TaskConsumer } from './task-consumer.ts';
import { TaskEvents } from './task-events.ts';
import { tryQueue } from './try-queue.ts';

/** Options of a worker: Celery's command line in camelCase. */
export interface WorkerOptions {
  /** Tasks at once: 50 for `async`, the number of CPUs else. */
  readonly concurrency?: number;
  readonly pool?: PoolName;
  readonly queues?: readonly string[];
  readonly excludeQueues?: readonly string[];
  /** Node name: `w1@%h`; `%h` host, `%n` name, `%d` domain. A name without `@` is a host: `celery@<it>`. Default `celery@<host>`. */
  readonly hostname?: string;
  /** Messages fetched ahead per slot; 0 is no limit. */
  readonly prefetchMultiplier?: number;
  /** File that keeps revoked ids and the logical clock from one run to the next. Default `worker_state_db`. */
  readonly statedb?: string;
  /** Does not ask other workers what they have revoked. */
  readonly withoutMingle?: boolean;
  /** Does not listen to other workers. */
  readonly withoutGossip?: boolean;
  /** Where children of the pools `prefork` and `threads` find the app: `{ module: import.meta.url }` where it is made. */
  readonly source?: AppSource;
  /** Seconds, where neither the message nor the task nor the settings have a limit. */
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  /** Tasks after which a child is replaced. */
  readonly maxTasksPerChild?: number;
  /** Children at most and at least, as many as there are tasks in hand; instead of `concurrency`. */
  readonly autoscale?: AutoscaleRange;
  /** Takes a message only when a slot is free, on brokers that are asked for each. */
  readonly disablePrefetch?: boolean;
  /** KiB of resident memory after which a child is replaced. */
  readonly maxMemoryPerChild?: number;
  /** Throws away what waits in the queues before it consumes them. */
  readonly purge?: boolean;
  /** Sends events about tasks; default `worker_send_task_events`. */
  readonly taskEvents?: boolean;
  /** Sends no `worker-online`, `-heartbeat` and `-offline`. */
  readonly withoutHeartbeat?: boolean;
  /** Seconds between heartbeats. Default 2. */
  readonly heartbeatInterval?: number;
  /** Serves `/healthz`, `/readyz` and `/metrics` over HTTP on this port; 0 takes a free one. */
  readonly healthPort?: number;
  /** Serves `/metrics` there, and not on `healthPort`, unless they are the same port. */
  readonly metricsPort?: number;
  /** Where both listen. Default: every interface, since probes ask the address of a container. */
  readonly healthHost?: string;
}

/** Modules that children import anew. */
export interface AppSource {
  /** URL of the module that exports the app. */
  readonly module: string;
  /** The export's name. Default: `app`, `celery` or `default`. */
  readonly exportName?: string;
  /** URLs of modules that are imported besides. */
  readonly include?: readonly string[];
}

/** Tasks that mostly wait share one event loop well. */
const ASYNC_CONCURRENCY = 50;

/** Consumes queues and runs the app's tasks until it is stopped. `celery/worker/worker.py`, `celery/worker/consumer`. */
export class Worker {
  readonly app: CeleryApp;
  readonly logger: Logger;
  readonly hostname: string;
  readonly pool: PoolName;
  readonly state: WorkerState;
  /** Where this worker's events go out, connected from its start to its end. */
  readonly events: EventDispatcher;
  /** Settles when the worker has ended: after `stop()`, or rejected when the broker stays away and what ran is finished. */
  readonly done: Promise<void>;
  /** Options of tasks that remote control has changed, by the task's name. */
  readonly changedOptions: Map<string, Readonly<Record<string, unknown>>> = new Map();
  /** What remote control reaches in parts that not every worker has. */
  readonly hooks: WorkerHooks = {};
  /** What `inspect memsample` has seen. */
  readonly memorySamples: string[] = [];
  /** Time limits of tasks; remote control changes them. */
  readonly timeLimits: TaskTimeLimits;
  /** Rate limits of tasks; remote control changes them. */
  readonly rateLimits: RateLimits;
  readonly disablePrefetch: boolean;
  /** Set where the worker scales by itself. */
  readonly autoscaler: Autoscaler | undefined;
  readonly #heartbeat: number | undefined;
  readonly #multiplier: number;
  readonly #options: WorkerOptions;
  #concurrency: number;
  #taskPool: Pool | undefined;
  #tasks: TaskConsumer | undefined;
  #executor: Executor | undefined;
  #monitoring: Monitoring | undefined;
  readonly #purge: boolean;
  readonly #extras: WorkerSteps;
  readonly #ended = Promise.withResolvers<void>();
  #queues: readonly Queue[];
  #connection: Connection | undefined;
  #steps: StepList<Worker> | undefined;
  #consumer: ConsumerStep | undefined;
  #stopping = false;
  #stopped: Promise<void> | undefined;
  #cold: ColdShutdown | undefined;
  #terminated: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** Throws `ImproperlyConfiguredError` for queues that do not exist, `RangeError` for a bad number. */
  constructor(app: CeleryApp, options: WorkerOptions = {}, extras: WorkerSteps = noSteps()) {
    this.app = app;
    this.logger = app.logger;
    this.hostname = nodeName(options.hostname, app.host.hostname);
    app.signals.send('celeryd_init', { hostname: this.hostname, options: { ...options } });
    this.pool = options.pool ?? app.settings.worker_pool;
    checkPoolName(this.pool);
    this.autoscaler = options.autoscale === undefined ? undefined : new Autoscaler(options.autoscale);
    if (this.autoscaler !== undefined && this.pool === 'solo') throw new RangeError('the solo pool runs one task at a time');
    this.#concurrency =
      this.autoscaler?.range.min ??
      options.concurrency ??
      app.settings.worker_concurrency ??
      (this.pool === 'async' ? ASYNC_CONCURRENCY : availableParallelism());
    if (!Number.isInteger(this.#concurrency) || this.#concurrency < 1)
      throw new RangeError('concurrency must be a whole number of 1 or more');
    this.#multiplier = options.prefetchMultiplier ?? app.settings.worker_prefetch_multiplier;
    this.#purge = options.purge ?? false;
    this.#extras = extras;
    this.#options = options;
    this.timeLimits = new TaskTimeLimits({ hard: options.timeLimit, soft: options.softTimeLimit });
    this.rateLimits = new RateLimits({ disabled: app.settings.worker_disable_rate_limits });
    this.disablePrefetch = options.disablePrefetch ?? app.settings.worker_disable_prefetch;
    this.#queues = app.consumeQueues(options.queues, options.excludeQueues);
    this.state = new WorkerState(app.host.now(), new Revocations(process.env));
    this.#heartbeat = heartbeatOf(options);
    checkPorts(options);
    const groups = (options.taskEvents ?? app.settings.worker_send_task_events) ? [] : ['worker'];
    this.events = app.openDispatcher({ hostname: this.hostname, groups, batched: ['task'] });
    this.hooks.events = eventsHook(this.events);
    this.state.observe(new TaskEvents(this.events));
    this.done = this.#ended.promise;
    this.done.catch(() => undefined);
  }

  /** Queues it consumes; remote control changes them. */
  get queues(): readonly Queue[] {
    return this.#queues;
  }

  /** Tasks at once. */
  get concurrency(): number {
    return this.#concurrency;
  }

  /** What is fetched ahead is counted in these. */
  get prefetchSlots(): number {
    return this.autoscaler?.range.max ?? this.#concurrency;
  }

  /** What is fetched ahead is counted anew. */
  refreshPrefetch(): void {
    this.#tasks?.resized();
  }

  /** More or fewer tasks at once; what is fetched ahead follows. Rejects with `RangeError` as `Pool.resize` does. */
  async resize(concurrency: number): Promise<void> {
    await this.#taskPool?.resize(concurrency);
    this.#concurrency = concurrency;
    this.#tasks?.resized();
  }

  /** Where tasks run, once the worker has started. */
  get taskPool(): Pool | undefined {
    return this.#taskPool;
  }

  /** Messages that may be unsettled at once; 0 is no limit. */
  get prefetchCount(): number {
    return this.#tasks?.prefetch ?? 0;
  }

  /**
   * Consumes one more queue. Rejects when it cannot be declared or consumed, with `ChannelError` in most cases: that is tried on a channel of
   * its own, so that a refusal takes no task with it; but for a queue that is deleted with its last consumer.
   */
  async addQueue(queue: Queue): Promise<void> {
    if (this.#queues.some(({ name }) => name === queue.name)) return;
    if (this.#connection !== undefined) await tryQueue(this.#connection, queue);
    // Somebody else may have asked for it meanwhile.
    if (this.#queues.some(({ name }) => name === queue.name)) return;
    this.#queues = [...this.#queues, queue];
    try {
      await this.#tasks?.addQueue(queue);
    } catch (error) {
      // Kept, what was refused would be so again on every connection to come. Where the broker is lost, the next is asked.
      if (this.#connection?.isOpen === true) this.#queues = this.#queues.filter(({ name }) => name !== queue.name);
      throw error;
    }
    this.logger.info(`Started consuming from ${queue.name}`);
  }

  /** Consumes a queue no longer; what it has delivered is still run. */
  async cancelQueue(name: string): Promise<void> {
    this.#queues = this.#queues.filter((queue) => queue.name !== name);
    await this.#tasks?.removeQueue(name);
    this.logger.info(`Canceling queue ${name.slice(0, 255)}`);
  }

  /** Where `/healthz` and `/readyz` are served, once they are. */
  get healthPort(): number | undefined {
    return this.#monitoring?.port('/healthz');
  }

  /** Where `/metrics` is served, once it is. */
  get metricsPort(): number | undefined {
    return this.#monitoring?.port('/metrics');
  }

  /** Ends a running task by force, where its pool can. False when it does not run here. */
  terminateTask(taskId: string, signal: SignalName): boolean {
    return this.#executor?.terminate(taskId, signal) ?? false;
  }

  /** How many tasks run now. */
  get running(): number {
    return this.state.active.size;
  }

  /** Resolves when the worker consumes. Rejects with `ConnectionError` when no broker can be reached within the retries. */
  async start(): Promise<void> {
    if (this.#steps !== undefined) throw new TypeError('this worker was started before');
    if (isChild()) throw new TypeError(STARTED_INSIDE);
    const { app, hostname } = this;
    this.#steps = this.#makeSteps();
    await app.signals.sendAndWait('worker_init', { hostname });
    await app.signals.sendAndWait('celeryd_after_setup', { hostname });
    if (this.#stopping) return;
    try {
      await this.#steps.start(this);
    } catch (error) {
      if (this.#stopping) return;
      this.#ended.reject(error);
      throw error;
    }
    if (this.#stopping) return;
    app.signals.send('worker_ready', { hostname });
    this.logger.info(`${hostname} ready.`);
  }

  /** Warm shutdown: nothing new starts, what runs is finished, the rest goes back to the broker. Idempotent. */
  stop(why: Shutdown = {}): Promise<void> {
    if (this.#stopped === undefined) this.#tell('Warm', why);
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /**
   * Cold shutdown, also of a worker that stops already: what runs is ended, after `worker_soft_shutdown_timeout` seconds.
   * Late-acked messages go back to the broker; tasks whose messages were acked before fail with `WorkerLostError`. A second
   * call ends the soft wait.
   */
  terminate(why: Shutdown = {}): Promise<void> {
    if (this.#terminated === undefined) this.#tell('Cold', why);
    else this.#cold?.hurry();
    this.#terminated ??= this.#terminate();
    return this.#terminated;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #terminate(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#cold?.run();
    await this.#stopped;
  }

  #tell(how: 'Warm' | 'Cold', { sig, exitCode = 0 }: Shutdown): void {
    const { app, hostname } = this;
    app.signals.send('worker_shutting_down', { hostname, sig, how, exitCode });
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    try {
      await this.#steps?.stop(this);
      await this.#consumer?.closed();
    } finally {
      if (this.#steps !== undefined) await this.app.signals.sendAndWait('worker_shutdown', { hostname: this.hostname });
      if (this.#failure === undefined) this.#ended.resolve();
      else this.#ended.reject(this.#failure.error);
    }
  }

  /** The broker stays away for good: what runs is finished all the same, and `done` tells why. */
  async #gone(error: unknown): Promise<void> {
    this.#failure = { error };
    await this.stop().catch((failed: unknown) => this.logger.error(`The worker could not be stopped: ${messageOf(failed)}`));
  }

  /** What a worker is made of, in the order it starts; it stops in the opposite order. */
  #makeSteps(): StepList<Worker> {
    const { app, hostname, logger, state } = this;
    const pool = createPool(this.pool, poolOptions(this, this.#options));
    this.#taskPool = pool;
    const executor = new Executor({ app, pool, state, hostname, logger, limits: this.timeLimits, onFree: () => tasks.startReady() });
    const tasks = new TaskConsumer({ executor, intake: new Intake({ app, hostname, logger, state }), multiplier: this.#multiplier });
    this.#tasks = tasks;
    this.#executor = executor;
    state.reserved = () => tasks.reserved();
    state.scheduled = () => tasks.scheduled();
    const servers = this.#makeServers(tasks);
    const consumer = new ConsumerStep({
      steps: this.#consumerSteps(tasks),
      unackedIds: () => [...executor.unackedIds(), ...tasks.scheduled().map(({ pending }) => pending.request.id)],
      onLost: () => void (app.settings.worker_cancel_long_running_tasks_on_connection_loss && executor.cancelUnacked()),
      cancelTasks: () => tasks.cancel(),
      idle: () => cold.over(),
      onGone: (error) => void this.#gone(error),
    });
    this.#consumer = consumer;
    const cold = new ColdShutdown({
      pool,
      logger,
      settings: app.settings,
      running: () => state.active.size,
      cancelTasks: () => consumer.cancel(),
      idle: () => executor.idle(),
    });
    this.#cold = cold;
    const file = this.#options.statedb ?? app.settings.worker_state_db;
    const kept = file === null ? [] : [new StateDb(file)];
    const steps = new StepList<Worker>([
      ...servers,
      ...kept,
      ...(this.#purge ? [new PurgeStep()] : []),
      poolStep(pool),
      eventsStep(this.events),
      consumer,
    ]);
    if (this.autoscaler !== undefined) steps.add(this.autoscaler, { before: 'consumer' });
    const { worker_blocked_loop_warning: seconds } = app.settings;
    if (seconds && !pool.isRemote && logger.isEnabled('warning')) steps.add(new LoopWatch(seconds), { before: 'consumer' });
    this.#extras.worker.addTo(steps);
    return steps;
  }

  /** What monitors ask. They are answered before anything is opened, and until everything is closed. */
  #makeServers(tasks: TaskConsumer): readonly StatusServer[] {
    const queues = (): readonly string[] => this.#queues.map(({ name }) => name);
    const watched = { stopping: () => this.#stopping, queues, consumed: () => tasks.consumed };
    this.#monitoring = makeMonitoring(this.#options, { ...watched, hostname: this.hostname, state: this.state });
    return this.#monitoring?.servers ?? [];
  }

  #connectionStep(): Step<ConsumerContext> {
    return {
      name: 'connection',
      start: ({ connection }) => {
        this.#connection = connection;
      },
      lost: () => {
        this.#connection = undefined;
      },
    };
  }

  /** What runs on each broker connection, in the order it starts. */
  #consumerSteps(tasks: TaskConsumer): StepList<ConsumerContext> {
    const { events: dispatcher, state } = this;
    const interval = this.#heartbeat;
    const steps = new StepList<ConsumerContext>([
      this.#connectionStep(),
      ...(this.#options.withoutMingle === true ? [] : [new Mingle()]),
      ...(this.#options.withoutGossip === true ? [] : [new GossipStep()]),
      // A warm shutdown goes on with heartbeats: the tasks stop first.
      ...(interval === undefined ? [] : [new Heartbeat({ dispatcher, state, interval })]),
      tasks,
      new ControlStep(this.#extras.commands),
      ...(this.#monitoring === undefined ? [] : [this.#monitoring.watch]),
    ]);
    this.#extras.consumer.addTo(steps);
    return steps;
  }
}

/** What users of an app have added to its workers. */
export interface WorkerSteps {
  readonly worker: ExtraSteps<Worker>;
  readonly consumer: ExtraSteps<ConsumerContext>;
  /** Remote control commands. */
  readonly commands: UserCommand[];
}

/** No extra steps yet. */
export function noSteps(): WorkerSteps {
  return { worker: new ExtraSteps(), consumer: new ExtraSteps(), commands: [] };
}

const STARTED_INSIDE =
  'a worker was started in a child of its own pool: the module that children import must not start one (if (import.meta.main) …)';

/** How long a pool may take to end once nothing runs any more. */
const POOL_GRACE_MS = 5000;

function poolStep(pool: Pool): Step<Worker> {
  return { name: 'pool', start: () => pool.start(), stop: () => pool.stop({ graceMs: POOL_GRACE_MS }) };
}

/** How long the last events may take. */
const EVENTS_GRACE_MS = 1000;

/** Events go out while anything else lives: the last of them is `worker-offline`. */
function eventsStep(events: EventDispatcher): Step<Worker> {
  return { name: 'events', start: () => undefined, stop: () => events.close(EVENTS_GRACE_MS) };
}

/** Seconds between heartbeats, or `undefined` for none. */
function heartbeatOf({ withoutHeartbeat, heartbeatInterval }: WorkerOptions): number | undefined {
  // Celery takes 0 for its default.
  const interval = heartbeatInterval === undefined || heartbeatInterval === 0 ? HEARTBEAT_INTERVAL : heartbeatInterval;
  if (!Number.isFinite(interval) || interval < 0) throw new RangeError('the interval of heartbeats must be a number of seconds');
  return withoutHeartbeat === true ? undefined : interval;
}
