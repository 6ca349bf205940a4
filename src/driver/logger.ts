import { statSync } from 'node:fs';
import pino from 'pino';
import type { Logger, LogLevel } from '../base/logger.ts';
import { lineFormat } from './log-format.ts';
import { PipeLog } from './pipe-log.ts';
import type { LineSink } from './pipe-log.ts';

/** `text`: Celery's line; `json`: one object a line. Written at once, so that a crash loses none that its reader would have read. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  /** A file descriptor; stderr by default. */
  readonly fd?: number;
  /** A file instead, appended to; opened anew when it was moved away or deleted, as logrotate does. */
  readonly file?: string;
  /** Of `text`; Celery's own by default. */
  readonly layout?: LogLayout;
}

/** `worker_log_format` and its like: for what the worker says, and for what tasks say. */
export interface LogLayout {
  readonly format: string;
  readonly datefmt: string | null;
  readonly taskFormat: string;
  readonly taskDatefmt: string | null;
}

/** Celery's lines. */
export const DEFAULT_LAYOUT: LogLayout = {
  format: '[%(asctime)s: %(levelname)s/%(processName)s] %(message)s',
  datefmt: null,
  taskFormat: '[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s',
  taskDatefmt: null,
};

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warning: 40, error: 50, critical: 60 };

/** Bytes of a line, with room for what stands around the message: the time, or the fields of JSON. */
const LONGEST_MESSAGE = 3000;
const LONGEST_FIELD = 256;

type Fields = Readonly<Record<string, unknown>>;

/** A logger with pino's synchronous destination, and pino itself for JSON. Throws `ImproperlyConfiguredError` for a bad layout. */
export function createLogger({ level, format, fd = 2, file, layout = DEFAULT_LAYOUT }: LoggerOptions): Logger {
  const onDropped = (count: number): void => logger.warning(`${count} log lines were dropped: nobody read them in time`);
  const pipe = file === undefined ? PipeLog.open(fd, onDropped) : undefined;
  const destination = pipe ?? fileSink(file ?? fd);
  const emit = format === 'json' ? jsonLines(destination, level) : textLines(destination, layout);
  const write = (name: LogLevel) => (message: string, fields?: Fields) => {
    if (LEVELS[name] >= LEVELS[level]) emit(name, escapeLine(message), fields);
  };
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warning: write('warning'),
    error: write('error'),
    critical: write('critical'),
    isEnabled: (name) => LEVELS[name] >= LEVELS[level],
  };
  return logger;
}

/** pino's synchronous destination. A reader of the log that has gone away must not take the worker with it. */
function fileSink(dest: string | number): LineSink {
  const opened = pino.destination({ dest, sync: true });
  opened.on('error', () => undefined);
  return typeof dest === 'string' ? watched(opened, dest) : opened;
}

/** `logging.handlers.WatchedFileHandler`, which Celery uses: looks before each line whether the path is still its file. */
function watched(destination: ReturnType<typeof pino.destination>, file: string): LineSink {
  const inode = (): number | undefined => statSync(file, { throwIfNoEntry: false })?.ino;
  let own = inode();
  return {
    write(line) {
      if (inode() !== own) {
        destination.reopen();
        own = inode();
      }
      destination.write(line);
    },
  };
}

type Emit = (level: LogLevel, message: string, fields: Fields | undefined) => void;

/** `[2026-11-22 16:29:55,898: INFO/MainProcess] text`; lines of task code name their task. */
function textLines(destination: LineSink, layout: LogLayout): Emit {
  const own = lineFormat(layout.format, layout.datefmt, 'worker_log_format');
  const ofTask = lineFormat(layout.taskFormat, layout.taskDatefmt, 'worker_task_log_format');
  return (level, message, fields = {}) => {
    const record = {
      ms: Date.now(),
      level: level.toUpperCase(),
      message,
      taskName: line(fields['task_name']),
      taskId: line(fields['task_id']),
    };
    destination.write(`${fields['logger'] === 'task' ? ofTask(record) : own(record)}\n`);
  };
}

/** A field in a line; Celery's question marks where there is no task. */
function line(field: unknown): string {
  return typeof field === 'string' ? escapeLine(field, LONGEST_FIELD) : '???';
}

function jsonLines(destination: LineSink, level: LogLevel): Emit {
  const logger = pino(
    {
      base: null,
      level,
      customLevels: LEVELS,
      useOnlyCustomLevels: true,
      timestamp: () => `,"time":${Date.now()}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return (name, message, fields = {}) => {
    const clean = Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? escapeLine(value, LONGEST_FIELD) : value]);
    logger[name](Object.fromEntries(clean), message);
  };
}

/** What would break a line, drive a terminal, turn the text around, or is no character at all. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

/** One line whatever a peer put into it: such characters become escapes, and its length in bytes is bounded. */
export function escapeLine(text: string, most: number = LONGEST_MESSAGE): string {
  const line = text.slice(0, most + 1).replace(UNPRINTABLE, escapeChar);
  if (line.length * 3 <= most || (text.length <= most && jsonLength(line) <= most)) return line;
  let bytes = 0;
  let end = 0;
  for (const char of line) {
    bytes += jsonLength(char);
    if (bytes > most) break;
    end += char.length;
  }
  return `${line.slice(0, end)}…`;
}

/** Bytes in UTF-8, where JSON writes quotes and backslashes as two. */
function jsonLength(text: string): number {
  return Buffer.byteLength(text) + (text.match(/["\\]/g)?.length ?? 0);
}

function escapeChar(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\r') return '\\r';
  if (char === '\t') return '\\t';
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
