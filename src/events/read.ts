import type { EpochMs } from '../base/host.ts';
import type { LamportClock } from '../base/lamport.ts';
import { hoursWestOfUtc } from '../protocol/event.ts';
import type { EventFields } from '../protocol/event.ts';

/** An event that came in: whatever its sender wrote, these fields are what they say. */
export interface ReceivedEvent extends EventFields {
  readonly type: string;
  readonly hostname: string;
  /** Seconds since 1970, by the sender's clock and in this process's zone as Celery's receivers have it. */
  readonly timestamp: number;
  /** Seconds since 1970, by ours. */
  readonly local_received: number;
  readonly clock: number;
}

/** Longer types and names are no honest worker's. */
const LONGEST_NAME = 512;

/** The last moment a JavaScript date can show, in seconds. */
const LATEST = 8.64e12;

/** `celery/events/receiver.py CLIENT_CLOCK_SKEW`. */
const CLIENT_CLOCK_SKEW = -1;

/**
 * The events of a message's body, alone or an array of them, as many as are readable. Never throws. Clocks are taken over
 * but for those of clients, which never listen. `celery/events/receiver.py event_from_message`.
 */
export function readEvents(
  body: unknown,
  header: unknown,
  { clock, nowMs }: { readonly clock: LamportClock; readonly nowMs: EpochMs },
): ReceivedEvent[] {
  const events: ReceivedEvent[] = [];
  for (const item of Array.isArray(body) ? (body as readonly unknown[]) : [body]) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) continue;
    const fields = item as EventFields;
    const { type } = fields;
    const hostname = fields['hostname'] ?? header;
    if (!isName(type) || !isName(hostname)) continue;
    const received = nowMs / 1000;
    events.push({
      ...fields,
      type,
      hostname,
      clock: heard(clock, type, fields),
      timestamp: timeOf(fields, nowMs),
      local_received: received,
    });
  }
  return events;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME;
}

function heard(clock: LamportClock, type: string, fields: EventFields): number {
  if (type === 'task-sent') {
    const skewed = (clock.value || 1) + CLIENT_CLOCK_SKEW;
    clock.adjust(skewed);
    return skewed;
  }
  const theirs = fields['clock'];
  if (theirs === undefined) return clock.forward();
  const ours = clock.adjust(theirs);
  return typeof theirs === 'number' && Number.isFinite(theirs) ? theirs : ours;
}

/** A time that cannot be is the time of receipt. */
function timeOf({ timestamp, utcoffset }: EventFields, nowMs: EpochMs): number {
  if (typeof timestamp !== 'number' || !(timestamp >= 0)) return nowMs / 1000;
  const isZone = typeof utcoffset === 'number' && Math.abs(utcoffset) <= 24;
  const moment = isZone ? timestamp - (utcoffset - hoursWestOfUtc(nowMs)) * 3600 : timestamp;
  return moment <= LATEST ? moment : nowMs / 1000;
}
