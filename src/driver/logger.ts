import { statSync } from 'node:fs';
import pino from 'pino';
import type { Logger, LogLevel } from '../base/logger.ts';

/** `text`: Celery's line; `json`: one object a line. Written synchronously, so that a crash loses none. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  /** A file descriptor; stderr by default. */
  readonly fd?: number;
  /** A file instead, appended to; opened anew when it was moved away or deleted, as logrotate does. */
  readonly file?: string;
}

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warning: 40, error: 50, critical: 60 };

/** Bytes of a line, with room for what stands around the message: the time, or the fields of JSON. */
const LONGEST_MESSAGE = 3000;
const LONGEST_FIELD = 256;

type Fields = Readonly<Record<string, unknown>>;

/** A logger with pino's synchronous destination, and pino itself for JSON. */
export function createLogger({ level, format, fd = 2, file }: LoggerOptions): Logger {
  const opened = pino.destination({ dest: file ?? fd, sync: true });
  const destination = file === undefined ? opened : watched(opened, file);
  // A reader of the log that has gone away must not take the worker with it.
  opened.on('error', () => undefined);
  const emit = format === 'json' ? jsonLines(destination, level) : textLines(destination);
  const write = (name: LogLevel) => (message: string, fields?: Fields) => {
    if (LEVELS[name] >= LEVELS[level]) emit(name, escapeLine(message), fields);
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warning: write('warning'),
    error: write('error'),
    critical: write('critical'),
    isEnabled: (name) => LEVELS[name] >= LEVELS[level],
  };
}

/** `logging.handlers.WatchedFileHandler`, which Celery uses: looks before each line whether the path is still its file. */
function watched(destination: ReturnType<typeof pino.destination>, file: string): { write(line: string): boolean } {
  const inode = (): number | undefined => statSync(file, { throwIfNoEntry: false })?.ino;
  let own = inode();
  return {
    write(line) {
      if (inode() !== own) {
        destination.reopen();
        own = inode();
      }
      return destination.write(line);
    },
  };
}

type Emit = (level: LogLevel, message: string, fields: Fields | undefined) => void;

/** `[2026-11-22 16:29:55,898: INFO/MainProcess] text`. */
function textLines(destination: { write(line: string): unknown }): Emit {
  const clock = localClock();
  return (level, message) => void destination.write(`[${clock(Date.now())}: ${level.toUpperCase()}/MainProcess] ${message}\n`);
}

function jsonLines(destination: pino.DestinationStream, level: LogLevel): Emit {
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

/** Local time as Python's logging prints it; the text of a second is made once. */
function localClock(): (ms: number) => string {
  let second = Number.NaN;
  let text = '';
  return (ms) => {
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000);
      const date = new Date(ms);
      const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
      text = `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
    }
    return `${text},${pad(ms % 1000, 3)}`;
  };
}

function pad(number: number, width = 2): string {
  return String(number).padStart(width, '0');
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
