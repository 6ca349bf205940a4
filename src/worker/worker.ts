import { availableParallelism } from 'node:os';
import type { CeleryApp } from '../app/celery.ts';
import type { Logger } from '../base/logger.ts';
import type { EventDispatcher } from '../events/dispatcher.ts';
import type { Queue } from '../routing/queue.ts';
import type { Connection } from '../transport/transport.ts';
import type { WorkerHooks } from './hooks.ts';
import { ControlStep } from './control/step.ts';
import type { UserCommand } from './control/step.ts';
import { ConsumerStep } from './consumer.ts';
import type { ConsumerContext } from './consumer.ts';
import { Executor } from './executor.ts';
import { eventsHook, Heartbeat, HEARTBEAT_INTERVAL } from './heartbeat.ts';
import { Intake } from './intake.ts';
import type { Pool } from './pool/pool.ts';
import { createPool } from './pool/registry.ts';
import type { PoolName } from './pool/registry.ts';
import { Revocations } from './revocations.ts';
import { WorkerState } from './state.ts';
import { ExtraSteps, StepList } from './steps.ts';
import type { Step } from './steps.ts';
import { TaskConsumer } from './task-consumer.ts';
import { TaskEvents } from './task-events.ts';

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
  /** Sends events about tasks; default `worker_send_task_events`. */
  readonly taskEvents?: boolean;
  /** Sends no `worker-online`, `-heartbeat` and `-offline`. */
  readonly withoutHeartbeat?: boolean;
  /** Seconds between heartbeats. Default 2. */
  readonly heartbeatInterval?: number;
}

/** Tasks that mostly wait share one event loop well. */
const ASYNC_CONCURRENCY = 50;

/** Consumes queues and runs the app's tasks until it is stopped. `celery/worker/worker.py`, `celery/worker/consumer`. */
export class Worker {
  readonly app: CeleryApp;
  readonly logger: Logger;
  readonly hostname: string;
  readonly concurrency: number;
  readonly pool: PoolName;
  readonly state: WorkerState;
  /** Where this worker's events go out, connected from its start to its end. */
  readonly events: EventDispatcher;
  /** Settles when the worker has ended: after `stop()`, or rejected when the broker stays away. */
  readonly done: Promise<void>;
  /** What remote control changes in parts that not every worker has. */
  readonly hooks: WorkerHooks = {};
  /** What `inspect memsample` has seen. */
  readonly memorySamples: string[] = [];
  readonly #heartbeat: number | undefined;
  readonly #multiplier: number;
  readonly #extras: WorkerSteps;
  readonly #ended = Promise.withResolvers<void>();
  #queues: readonly Queue[];
  #engine: Engine | undefined;
  #connection: Connection | undefined;
  #steps: StepList<Worker> | undefined;
  #stopping = false;
  #stopped: Promise<void> | undefined;

  /** Throws `ImproperlyConfiguredError` for queues that do not exist, `RangeError` for a bad number. */
  constructor(app: CeleryApp, options: WorkerOptions = {}, extras: WorkerSteps = noSteps()) {
    this.app = app;
    this.logger = app.logger;
    this.pool = options.pool ?? app.settings.worker_pool;
    this.concurrency =
      options.concurrency ?? app.settings.worker_concurrency ?? (this.pool === 'async' ? ASYNC_CONCURRENCY : availableParallelism());
    if (!Number.isInteger(this.concurrency) || this.concurrency < 1)
      throw new RangeError('concurrency must be a whole number of 1 or more');
    this.#multiplier = options.prefetchMultiplier ?? app.settings.worker_prefetch_multiplier;
    this.#extras = extras;
    this.hostname = nodeName(options.hostname, app.host.hostname);
    this.#queues = app.consumeQueues(options.queues, options.excludeQueues);
    this.state = new WorkerState(app.host.now(), new Revocations(process.env));
    this.#heartbeat = heartbeatOf(options);
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

  /** Where tasks run, once the worker has started. */
  get taskPool(): Pool | undefined {
    return this.#engine?.pool;
  }

  /** Tasks that may run at once, now. */
  get slots(): number {
    return this.#engine?.pool.size ?? this.concurrency;
  }

  /** Messages that may be unsettled at once; 0 is no limit. */
  get prefetchCount(): number {
    return this.#engine?.tasks.prefetch ?? 0;
  }

  /**
   * Consumes one more queue. Rejects with `ChannelError` when it cannot be declared: that is tried on a channel of its own,
   * so that a refusal takes no task with it.
   */
  async addQueue(queue: Queue): Promise<void> {
    const channel = await this.#connection?.openChannel();
    try {
      await channel?.declareQueue(queue);
    } finally {
      await channel?.close();
    }
    if (this.#queues.some(({ name }) => name === queue.name)) return;
    this.#queues = [...this.#queues, queue];
    await this.#engine?.tasks.addQueue(queue);
    this.logger.info(`Started consuming from ${queue.name}`);
  }

  /** Consumes a queue no longer; what it has delivered is still run. */
  async cancelQueue(name: string): Promise<void> {
    this.#queues = this.#queues.filter((queue) => queue.name !== name);
    await this.#engine?.tasks.removeQueue(name);
    this.logger.info(`Canceling queue ${name.slice(0, 255)}`);
  }

  /** Ends a running task by force, where its pool can. False when it does not run here. */
  terminate(taskId: string, signal: NodeJS.Signals): boolean {
    return this.#engine?.executor.terminate(taskId, signal) ?? false;
  }

  /** Somebody has changed the size of the pool. */
  poolResized(): void {
    this.#engine?.tasks.resized();
  }

  /** How many tasks run now. */
  get running(): number {
    return this.state.active.size;
  }

  /** Resolves when the worker consumes. Rejects with `ConnectionError` when no broker can be reached within the retries. */
  async start(): Promise<void> {
    if (this.#steps !== undefined) throw new TypeError('this worker was started before');
    this.#steps = this.#makeSteps();
    try {
      await this.#steps.start(this);
    } catch (error) {
      if (this.#stopping) return;
      this.#ended.reject(error);
      throw error;
    }
    if (this.#stopping) return;
    this.logger.info(`${this.hostname} ready.`);
  }

  /** Warm shutdown: nothing new starts, what runs is finished, the rest goes back to the broker. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    await this.#steps?.stop(this);
    this.#ended.resolve();
  }

  /** What a worker is made of, in the order it starts; it stops in the opposite order. */
  #makeSteps(): StepList<Worker> {
    const { app, hostname, logger, state } = this;
    const pool = createPool(this.pool, this.concurrency);
    const executor = new Executor({ app, pool, state, hostname, logger, onFree: () => tasks.startReady() });
    const tasks = new TaskConsumer({ executor, intake: new Intake({ app, hostname, logger, state }), multiplier: this.#multiplier });
    this.#engine = { pool, executor, tasks };
    state.reserved = () => tasks.reserved();
    state.scheduled = () => tasks.scheduled();
    const consumer = new ConsumerStep({
      steps: this.#consumerSteps(tasks),
      unackedIds: () => [...executor.unackedIds(), ...tasks.scheduled().map(({ pending }) => pending.request.id)],
      cancelTasks: () => tasks.cancel(),
      idle: () => executor.idle(),
      onGone: (error) => this.#ended.reject(error),
    });
    const steps = new StepList<Worker>([poolStep(pool), eventsStep(this.events), consumer]);
    this.#extras.worker.addTo(steps);
    return steps;
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
    // A warm shutdown goes on with heartbeats: the tasks stop first.
    const heart = interval === undefined ? [] : [new Heartbeat({ dispatcher, state, interval })];
    const steps = new StepList<ConsumerContext>([this.#connectionStep(), ...heart, tasks, new ControlStep(this.#extras.commands)]);
    this.#extras.consumer.addTo(steps);
    return steps;
  }
}

/** What a worker runs its tasks with. */
interface Engine {
  readonly pool: Pool;
  readonly executor: Executor;
  readonly tasks: TaskConsumer;
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

/** How long a pool may take to end once nothing runs any more. */
const POOL_GRACE_MS = 5000;

function poolStep(pool: Pool): Step<Worker> {
  return { name: 'pool', start: () => pool.start(), stop: () => pool.stop({ graceMs: POOL_GRACE_MS }) };
}

/** How long the last events may take. */
const EVENTS_GRACE_MS = 2000;

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

/** `celery/utils/nodenames.py host_format, default_nodename`; `%i` is the index of a pool's child, and this is the parent. */
function nodeName(given: string | undefined, host: string): string {
  const [name = host, ...domain] = host.split('.');
  const values: Readonly<Record<string, string>> = { h: host, n: name, d: domain.join('.'), i: '0', I: '', '%': '%' };
  const expanded = (given ?? '%h').replace(/%([hndiI%])/g, (_match, letter: string) => values[letter] ?? '');
  const at = expanded.indexOf('@');
  return `${expanded.slice(0, Math.max(at, 0)) || 'celery'}@${expanded.slice(at + 1) || host}`;
}
