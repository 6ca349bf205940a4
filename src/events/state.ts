import { ownCopy } from '../base/own-copy.ts';
import { statePrecedence } from '../protocol/state.ts';
import type { ReceivedEvent } from './read.ts';

/** A worker as its events tell of it. */
export interface WorkerView {
  readonly hostname: string;
  pid: number | undefined;
  /** Seconds between heartbeats. */
  freq: number;
  /** When the last few were received, in seconds, oldest first; none once it said goodbye. */
  heartbeats: number[];
  active: number | undefined;
  processed: number | undefined;
  loadavg: readonly number[] | undefined;
  software: string | undefined;
  clock: number;
}

/** A task as the events about it tell. Times are seconds; text is cut to a bearable length. */
export interface TaskView {
  readonly uuid: string;
  state: string;
  timestamp: number;
  clock: number;
  /** The node that runs it. */
  worker: string | undefined;
  /** The node that sent it. */
  client: string | undefined;
  /** When each thing happened, by the subject of its event: `received`, `started`, … */
  readonly times: Partial<Record<string, number>>;
  /** Whatever is known of `name`, `args`, `kwargs`, `result`, `exception`, `traceback`, `runtime`, `retries`, … */
  readonly fields: Partial<Record<string, string | number | boolean>>;
}

/** Bounds of what is remembered. */
export interface StateLimits {
  readonly workers?: number;
  readonly tasks?: number;
}

const STATES: Readonly<Record<string, string>> = {
  sent: 'PENDING',
  received: 'RECEIVED',
  started: 'STARTED',
  failed: 'FAILURE',
  retried: 'RETRY',
  succeeded: 'SUCCESS',
  revoked: 'REVOKED',
  rejected: 'REJECTED',
};

/** Fields that an earlier state may still fill in when its event comes late. `Task.merge_rules`. */
const MERGED: ReadonlySet<string> = new Set(['name', 'args', 'kwargs', 'parent_id', 'root_id', 'retries', 'eta', 'expires']);

const FIELDS: ReadonlySet<string> = new Set([
  ...MERGED,
  'result',
  'runtime',
  'exception',
  'traceback',
  'exchange',
  'routing_key',
  'queue',
  'terminated',
  'signum',
  'expired',
  'requeue',
]);

const LONGEST = 1024;
const LONGEST_TRACEBACK = 4096;
const DEFAULT_FREQ = 60;
const HEARTBEATS = 4;
/** A worker is lost after as many of its intervals. `HEARTBEAT_EXPIRE_WINDOW`. */
const EXPIRE_WINDOW = 2;

/**
 * The picture of a cluster that its events paint, bounded whatever comes: the workers and tasks that were silent longest are
 * forgotten first. Events out of order are put right by the precedence of their states. `celery/events/state.py State`.
 */
export class ClusterState {
  readonly workers: Map<string, WorkerView> = new Map();
  /** The one heard of last stands last. */
  readonly tasks: Map<string, TaskView> = new Map();
  readonly #limits: Required<StateLimits>;
  #eventCount = 0;
  #taskCount = 0;

  constructor(limits: StateLimits = {}) {
    this.#limits = { workers: 5000, tasks: 10_000, ...limits };
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** How many tasks were received. */
  get taskCount(): number {
    return this.#taskCount;
  }

  /** Takes in one event; those of groups of a user's own only count. */
  apply(event: ReceivedEvent): void {
    this.#eventCount += 1;
    const dash = event.type.indexOf('-');
    const subject = event.type.slice(dash + 1);
    if (event.type.startsWith('worker-')) this.#worker(subject, event);
    if (event.type.startsWith('task-')) this.#task(subject, event);
  }

  /** Whether a worker has been heard lately; `now` in seconds. */
  isAlive({ heartbeats, freq }: WorkerView, now: number): boolean {
    const last = heartbeats.at(-1);
    return last !== undefined && now < last + freq * EXPIRE_WINDOW;
  }

  /** Tasks, the one heard of last first. */
  latestTasks(most: number = Number.POSITIVE_INFINITY): TaskView[] {
    return [...this.tasks.values()].reverse().slice(0, most);
  }

  #worker(subject: string, event: ReceivedEvent): void {
    const worker = this.#workerOf(event.hostname);
    worker.clock = event.clock;
    worker.pid = numberOf(event['pid']) ?? worker.pid;
    worker.freq = numberOf(event['freq']) ?? worker.freq;
    worker.active = numberOf(event['active']) ?? worker.active;
    worker.processed = numberOf(event['processed']) ?? worker.processed;
    worker.loadavg = loads(event['loadavg']) ?? worker.loadavg;
    const { sw_ident: ident, sw_ver: version, sw_sys: system } = event;
    if (typeof ident === 'string')
      worker.software = ownCopy(
        [ident, version, system]
          .filter((part) => typeof part === 'string')
          .join(' ')
          .slice(0, LONGEST),
      );
    if (subject === 'offline') worker.heartbeats = [];
    else this.#beat(worker, event.local_received);
  }

  #beat(worker: WorkerView, received: number): void {
    worker.heartbeats = [...worker.heartbeats, received].toSorted((a, b) => a - b).slice(-HEARTBEATS);
  }

  #workerOf(hostname: string): WorkerView {
    const known = this.workers.get(hostname);
    if (known !== undefined) {
      this.workers.delete(hostname);
      this.workers.set(hostname, known);
      return known;
    }
    const made: WorkerView = {
      hostname,
      pid: undefined,
      freq: DEFAULT_FREQ,
      heartbeats: [],
      active: undefined,
      processed: undefined,
      loadavg: undefined,
      software: undefined,
      clock: 0,
    };
    add(this.workers, hostname, made, this.#limits.workers);
    return made;
  }

  #task(subject: string, event: ReceivedEvent): void {
    const { uuid } = event;
    if (typeof uuid !== 'string' || uuid === '' || uuid.length > LONGEST) return;
    const task = this.tasks.get(uuid) ?? newTask(uuid, event);
    this.tasks.delete(uuid);
    add(this.tasks, uuid, task, this.#limits.tasks);
    if (subject === 'sent') task.client = event.hostname;
    else {
      task.worker = event.hostname;
      this.#beat(this.#workerOf(event.hostname), event.local_received);
    }
    if (subject === 'received') this.#taskCount += 1;
    fold(task, subject, event);
  }
}

function newTask(uuid: string, { timestamp, clock }: ReceivedEvent): TaskView {
  return { uuid, state: 'PENDING', timestamp, clock, worker: undefined, client: undefined, times: {}, fields: {} };
}

/** `Task.event`. */
function fold(task: TaskView, subject: string, event: ReceivedEvent): void {
  const known = Object.hasOwn(STATES, subject) ? STATES[subject] : undefined;
  const state = known ?? subject.toUpperCase();
  if (known !== undefined) task.times[subject] = event.timestamp;
  const late = state !== 'RETRY' && task.state !== 'RETRY' && statePrecedence(state) > statePrecedence(task.state);
  if (!late) Object.assign(task, { state, timestamp: event.timestamp });
  task.clock = event.clock;
  for (const field of FIELDS) {
    if (late && state === 'RECEIVED' && !MERGED.has(field)) continue;
    const value = plain(event[field], field === 'traceback' ? LONGEST_TRACEBACK : LONGEST);
    if (value !== undefined) task.fields[field] = value;
  }
}

function plain(value: unknown, most: number): string | number | boolean | undefined {
  if (typeof value === 'string') return value.length > most ? ownCopy(`${value.slice(0, most)}…`) : value;
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function loads(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers = (value as readonly unknown[]).slice(0, 3).filter((load) => typeof load === 'number');
  return numbers.length === 3 ? numbers : undefined;
}

/** Adds at the end; what has stood longest without a change goes when there are too many. */
function add<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.set(key, value);
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
