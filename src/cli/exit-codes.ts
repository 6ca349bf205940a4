/** What a command's exit code says; Celery's own numbers first (`celery/bin`, sysexits). */
export const EXIT = {
  ok: 0,
  /** A task failed, or a worker was stopped by INT. */
  failure: 1,
  usage: 2,
  /** The broker or the result backend cannot be reached. */
  unavailable: 69,
  /** The pidfile is another worker's. */
  cantCreate: 73,
  /** A wait ended before its result came. */
  timedOut: 75,
  /** Settings that cannot be used. */
  config: 78,
} as const;
