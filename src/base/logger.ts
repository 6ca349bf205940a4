export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'critical';

/**
 * Where log lines go. One call is one event is one line: an implementation escapes control characters.
 * `fields` are for machines (JSON format) and are not printed in Celery's text format.
 */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warning(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  critical(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Whether a line of this level is written at all: ask before building an expensive one. */
  isEnabled(level: LogLevel): boolean;
}

/** A logger that says nothing: the default of a client. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
  critical: () => undefined,
  isEnabled: () => false,
};
