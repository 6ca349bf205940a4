/** What one hostile message is, where it must end here, and where it ended with Python. */

/**
 * Where a message ended. `ran`: ran, result stored, acked; `unstored`: ran and acked, no result; `failed`: acked, FAILURE stored;
 * `refused`: rejected to the dead-letter queue, FAILURE stored; `rejected`: the same, nothing stored; `expired`: acked, REVOKED
 * stored; `held`: unacked until its time; `aside`: a file put aside unread; `lost`: acked or removed, nothing ran, nothing stored;
 * `crash`: the worker process ended; `hung`: it lived and took nothing more.
 */
export type Ends = 'ran' | 'unstored' | 'failed' | 'refused' | 'rejected' | 'expired' | 'held' | 'aside' | 'lost' | 'crash' | 'hung';

/** What both workers must do with a case. */
export interface Expected {
  readonly ours: Ends;
  /** Measured with Celery 5.7.0, prefork, one child. */
  readonly python: Ends;
  /** The exception that we store where it is not `InvalidTaskError`. */
  readonly stores?: 'NotRegistered' | 'TypeError' | 'ContentDisallowed' | 'DecodeError' | 'SecurityError';
}

/** A message for AMQP. What is not given is that of a good task `h.ok(1, 2)`; `undefined` in `headers` leaves one out. */
export interface AmqpCase extends Expected {
  readonly headers?: Readonly<Record<string, unknown>>;
  /** `"ID"` stands for the task's id. A function makes what is large only when it is sent. */
  readonly body?: string | Buffer | (() => Buffer);
  readonly contentType?: string | null;
  readonly contentEncoding?: string | null;
  /** AMQP properties over the usual ones. */
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Cases by their number and title. */
export type Cases<Case extends Expected = AmqpCase> = Readonly<Record<string, Case>>;

/** Nothing follows the task. */
export const EMBED = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';
/** The body of a good task. */
export const OK_BODY: string = `[[1,2],{},${EMBED}]`;

/** An AMQP integer of 32 bits, whatever its size. */
export function int(value: number): unknown {
  return { '!': 'int', value };
}

/** A good body with another embed. */
export function embed(text: string): string {
  return `[[1,2],{},${text}]`;
}

/** Arrays in arrays, as JSON. */
export function nested(depth: number): string {
  return `${'['.repeat(depth + 1)}${']'.repeat(depth + 1)}`;
}

/** The id a case is sent under: its own where it has one that is text, else `fresh`. */
export function idOf(given: AmqpCase, fresh: string): string {
  const id = given.headers?.['id'];
  return typeof id === 'string' && id !== '' ? id : fresh;
}
