import type { EpochMs } from '../base/host.ts';

/** Fields of an event besides those that every event has. */
export type EventFields = Readonly<Record<string, unknown>>;

/** One event as it travels. Times are seconds: a worker of Python's that gossips dies of milliseconds. `celery/events/event.py`. */
export interface CeleryEvent extends EventFields {
  readonly type: string;
  readonly hostname: string;
  /** Hours west of UTC, as `getTimezoneOffset` counts; fractions where the zone has them, as Celery 5.7 sends them. */
  readonly utcoffset: number;
  readonly pid: number;
  /** The sender's logical clock. */
  readonly clock: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** Who sends an event, and when. */
export interface EventSource {
  readonly hostname: string;
  readonly pid: number;
  readonly clock: number;
  readonly nowMs: EpochMs;
}

/** An event with the fields that every event has, which win over fields of the same name. */
export function makeEvent(type: string, fields: EventFields, { hostname, pid, clock, nowMs }: EventSource): CeleryEvent {
  return { hostname, pid, clock, ...fields, utcoffset: hoursWestOfUtc(nowMs), timestamp: nowMs / 1000, type };
}

/** What an event is filed under: `task` of `task-sent`. */
export function eventGroup(type: string): string {
  const dash = type.indexOf('-');
  return dash < 0 ? type : type.slice(0, dash);
}

/** The routing key of an event, or of events of one group that travel together. */
export function eventKey(type: string): string {
  return type.replaceAll('-', '.');
}

/** Where events of one group go when they travel as an array. */
export function batchKey(group: string): string {
  return `${group}.multi`;
}

/** The offset of this process's own zone. `celery/utils/time.py utcoffset`. */
export function hoursWestOfUtc(epochMs: EpochMs): number {
  // Minus zero is Python's -0.0, which nobody wants to read.
  return new Date(epochMs).getTimezoneOffset() / 60 || 0;
}

const SHARED: ReadonlySet<string> = new Set(['type', 'hostname', 'utcoffset', 'pid', 'clock', 'timestamp']);

/** Fields that are read-only attributes of Python's `Worker`, or its method: setting one ends the reader. `celery/events/state.py`. */
const FATAL_TO_WORKERS: ReadonlySet<string> = new Set(['id', 'alive', 'status_string', 'heartbeat_expires', 'event']);

/** Why an event of a user's own cannot be sent, or `undefined` when it can. */
export function refusalOf(type: string, fields: EventFields): string | undefined {
  if (typeof type !== 'string' || !/^[^-\s]+-\S+$/.test(type)) return "the type of an event is a group and a name, such as 'task-progress'";
  for (const field of Object.keys(fields)) {
    if (SHARED.has(field)) return `every event has a ${field} of its own; call the field something else`;
    if (eventGroup(type) === 'worker' && FATAL_TO_WORKERS.has(field))
      return `a worker event with a field called ${field} stops every Python worker that hears it`;
  }
  return undefined;
}
