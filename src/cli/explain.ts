import { formatUtc, parseIso8601 } from '../base/iso8601.ts';
import type { MessageProperties } from '../message/message.ts';

type Fields = Readonly<Record<string, unknown>>;
type Explain = (value: unknown, nowMs: number) => string | undefined;

const EXPLAINED: Readonly<Record<string, Explain>> = {
  eta: (value, nowMs) => withTime(value, nowMs, (ahead) => (ahead ? 'runs' : 'was due')),
  expires: (value, nowMs) => withTime(value, nowMs, (ahead) => (ahead ? 'expires' : 'expired')),
  timelimit: timeLimits,
  retries: (value) => (Number(value) > 0 ? `attempt ${Number(value) + 1}` : 'first attempt'),
  ignore_result: (value) => (value === null ? 'the task decides' : undefined),
  compression: (value) => (value === 'application/x-gzip' ? 'a zlib stream, not gzip framing' : undefined),
  group: (value) => (typeof value === 'string' ? 'part of a group or chord' : undefined),
  parent_id: (value) => (typeof value === 'string' ? 'sent by that task' : undefined),
  stamped_headers: (value) => (Array.isArray(value) ? `stamps to search by: ${value.map(String).join(', ')}` : undefined),
  replaced_task_nesting: (value) => (Number(value) > 0 ? `replaced ${Number(value)} times` : undefined),
  shadow: (value) => (typeof value === 'string' ? 'shown in logs instead of the task name' : undefined),
  'x-death': () => 'was dead-lettered before',
  redelivered: (value) => (value === true ? 'was delivered before' : undefined),
};

/** What the fields of a task message mean to a person, by field. */
export function explain(fields: Fields, properties: MessageProperties, nowMs: number): Readonly<Record<string, string>> {
  const notes: Record<string, string> = {};
  for (const [name, read] of Object.entries(EXPLAINED)) {
    if (!Object.hasOwn(fields, name) || fields[name] === undefined) continue;
    const note = fields[name] === null && name !== 'ignore_result' ? undefined : read(fields[name], nowMs);
    if (note !== undefined) notes[name] = note;
  }
  if (properties.expiration !== undefined) notes['expiration'] = `RabbitMQ drops it ${properties.expiration} ms after it was queued`;
  return notes;
}

function withTime(value: unknown, nowMs: number, verb: (ahead: boolean) => string): string {
  const epochMs = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseIso8601(value)?.epochMs : undefined;
  if (epochMs === undefined) return 'no ISO-8601 time';
  const ahead = epochMs > nowMs;
  return `${verb(ahead)} ${ahead ? 'in ' : ''}${duration(Math.abs(epochMs - nowMs))}${ahead ? '' : ' ago'} (${formatUtc(epochMs)})`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** A length of time in its two largest units: `3 h 20 min`. */
export function duration(ms: number): string {
  const first = UNITS.findIndex(([, size]) => ms >= size);
  if (first < 0) return `${Math.round(ms)} ms`;
  let rest = ms;
  const parts: string[] = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ');
}

function timeLimits(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length !== 2) return 'no pair of hard and soft limit';
  const [hard, soft] = value as readonly unknown[];
  if (hard === null && soft === null) return undefined;
  return `hard ${hard === null ? 'none' : `${String(hard)} s`}, soft ${soft === null ? 'none' : `${String(soft)} s`}`;
}
