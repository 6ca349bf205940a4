import { ImproperlyConfiguredError } from '../base/errors.ts';

/** One line of the log, before it is text. */
export interface LogRecord {
  readonly ms: number;
  readonly level: string;
  readonly message: string;
  readonly taskName: string;
  readonly taskId: string;
}

type Part = (record: LogRecord) => string;

const LEVEL_NUMBERS: Readonly<Record<string, number>> = { DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, CRITICAL: 50 };

/** What Python's logging knows of a line, as far as there is such a thing here. */
const ATTRIBUTES: Readonly<Record<string, (clock: (ms: number) => string) => Part>> = {
  asctime: (clock) => (record) => clock(record.ms),
  created: () => (record) => (record.ms / 1000).toFixed(6),
  msecs: () => (record) => String(record.ms % 1000),
  levelname: () => (record) => record.level,
  levelno: () => (record) => String(LEVEL_NUMBERS[record.level] ?? 0),
  message: () => (record) => record.message,
  name: () => () => 'tq-bridge',
  process: () => () => String(process.pid),
  processName: () => () => 'MainProcess',
  threadName: () => () => 'MainThread',
  task_name: () => (record) => record.taskName,
  task_id: () => (record) => record.taskId,
};

/**
 * Compiles `worker_log_format` and its like: Python's `%(name)s`, `%(name)-8s` and `%(name)d`. Throws
 * `ImproperlyConfiguredError` for a name or a conversion that there is none of here.
 */
export function lineFormat(format: string, datefmt: string | null, setting: string): (record: LogRecord) => string {
  const clock = datefmt === null ? localClock() : dateFormat(datefmt, setting);
  const parts: Part[] = [];
  let at = 0;
  for (const match of format.matchAll(/%(?:%|\((\w+)\)(-?)(\d*)[sd])/g)) {
    parts.push(literal(format.slice(at, match.index), setting));
    at = match.index + match[0].length;
    parts.push(match[1] === undefined ? () => '%' : attribute(match[1], match[2] === '-', Number(match[3]), clock, setting));
  }
  parts.push(literal(format.slice(at), setting));
  return (record) => {
    let line = '';
    for (const part of parts) line += part(record);
    return line;
  };
}

function literal(text: string, setting: string): Part {
  if (text.includes('%')) throw new ImproperlyConfiguredError(`the setting ${setting} has a % that begins nothing: ${text.slice(0, 100)}`);
  return () => text;
}

function attribute(name: string, left: boolean, width: number, clock: (ms: number) => string, setting: string): Part {
  const make = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
  if (make === undefined)
    throw new ImproperlyConfiguredError(`the setting ${setting} names %(${name})s; there is ${Object.keys(ATTRIBUTES).join(', ')}`);
  const part = make(clock);
  if (width === 0) return part;
  return left ? (record) => part(record).padEnd(width) : (record) => part(record).padStart(width);
}

const DATE_PARTS: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => pad(date.getFullYear() % 100),
  m: (date) => pad(date.getMonth() + 1),
  d: (date) => pad(date.getDate()),
  H: (date) => pad(date.getHours()),
  M: (date) => pad(date.getMinutes()),
  S: (date) => pad(date.getSeconds()),
  b: (date) => 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[date.getMonth()] ?? '',
  a: (date) => 'Sun Mon Tue Wed Thu Fri Sat'.split(' ')[date.getDay()] ?? '',
  z: (date) => zone(-date.getTimezoneOffset()),
  '%': () => '%',
};

function zone(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

/** `time.strftime`, local time, as far as logs use it. */
function dateFormat(format: string, setting: string): (ms: number) => string {
  for (const [, letter = ''] of format.matchAll(/%(.?)/gs)) {
    if (!Object.hasOwn(DATE_PARTS, letter))
      throw new ImproperlyConfiguredError(
        `the date format beside ${setting} has %${letter}; there is %${Object.keys(DATE_PARTS).join(' %')}`,
      );
  }
  return (ms) => {
    const date = new Date(ms);
    return format.replace(/%(.)/gs, (_match, letter: string) => DATE_PARTS[letter]?.(date) ?? '');
  };
}

/** Local time as Python's logging prints it; the text of a second is made once. */
function localClock(): (ms: number) => string {
  let second = Number.NaN;
  let text = '';
  const format = dateFormat('%Y-%m-%d %H:%M:%S', 'worker_log_format');
  return (ms) => {
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000);
      text = format(ms);
    }
    return `${text},${pad(ms % 1000, 3)}`;
  };
}

function pad(number: number, width = 2): string {
  return String(number).padStart(width, '0');
}
