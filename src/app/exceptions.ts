/** What a task throws to be run again later. Made by `context.retry()`. `celery.exceptions.Retry`. */
export class Retry extends Error {
  /** When the task runs again. */
  readonly whenMs: number;
  /** What made it fail, if anything did. */
  readonly reason: unknown;

  constructor(message: string, options: { readonly whenMs: number; readonly reason?: unknown }) {
    super(message);
    this.name = 'Retry';
    this.whenMs = options.whenMs;
    this.reason = options.reason;
  }
}

/** What a task throws so that nothing is stored and no callback runs. `celery.exceptions.Ignore`. */
export class Ignore extends Error {
  constructor(message = '') {
    super(message);
    this.name = 'Ignore';
  }
}

/** What a late-acked task throws to reject its message. `celery.exceptions.Reject`. */
export class Reject extends Error {
  readonly requeue: boolean;

  constructor(reason = '', options: { readonly requeue?: boolean } = {}) {
    super(reason);
    this.name = 'Reject';
    this.requeue = options.requeue ?? false;
  }
}

/** The task was retried `max_retries` times. `celery.exceptions.MaxRetriesExceededError`. */
export class MaxRetriesExceededError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MaxRetriesExceededError';
  }
}
