import pino from 'pino';
import type { Logger, LogLevel } from '../base/logger.ts';

/** `text`: Celery's line; `json`: one object a line. Written synchronously, so that a crash loses none. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  /** A file descriptor; stderr by default. */
  readonly fd?: number;
}

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warning: 40, error: 50, critical: 60 };
const LONGEST_LINE = 4096;

/** A logger over pino with a synchronous destination. */
export function createLogger({ level, format, fd = 2 }: LoggerOptions): Logger {
  const destination = pino.destination({ dest: fd, sync: true });
  const lines = format === 'text' ? { write: (line: string) => destination.write(celeryLine(line)) } : destination;
  const logger = pino(
    {
      base: null,
      level,
      customLevels: LEVELS,
      useOnlyCustomLevels: true,
      timestamp: () => `,"time":${Date.now()}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    lines,
  );
  const write = (name: LogLevel) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    if (LEVELS[name] < LEVELS[level]) return;
    logger[name](fields ?? {}, escapeLine(message));
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

/** `[2026-11-22 16:29:55,898: INFO/MainProcess] text`. */
function celeryLine(json: string): string {
  const { time, level, msg } = JSON.parse(json) as { readonly time: number; readonly level: string; readonly msg: string };
  return `[${localTime(new Date(time))}: ${level.toUpperCase()}/MainProcess] ${msg}\n`;
}

function localTime(date: Date): string {
  const pad = (number: number, width = 2): string => String(number).padStart(width, '0');
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())},${pad(date.getMilliseconds(), 3)}`;
}

/** One line whatever a peer put into it: control characters and line separators become escapes, and its length is bounded. */
export function escapeLine(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escapeChar);
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line;
}

function escapeChar(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\r') return '\\r';
  if (char === '\t') return '\\t';
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
