/** The Celery releases whose behaviour is known: each stands for its line. */
export type CeleryRelease = '5.6' | '5.7';

/** How a delivery ends in a Python worker. */
export type Ending =
  /** The task's function is called. */
  | 'runs'
  /** Kept in memory, unacknowledged, until its eta. */
  | 'held'
  /** Expired: acknowledged, REVOKED stored. */
  | 'revoked'
  /** Acknowledged, FAILURE stored, the function not called. */
  | 'fails'
  /** `basic.reject` without requeue: a dead-letter exchange gets it. */
  | 'rejected'
  /** Acknowledged and dropped: no dead-letter exchange gets it, nothing is stored. */
  | 'acked'
  /** The worker ends; the broker delivers the message again, and the next worker ends too. */
  | 'crash-loop'
  /** The worker ends once; the message is gone. */
  | 'crash'
  /** The worker takes it for a lost connection, connects again, and the message is gone. */
  | 'lost';

/** What becomes of a message in a Python worker, and what its sender finds in the result backend. */
export interface PythonVerdict {
  readonly ending: Ending;
  /** `outcome`: SUCCESS or FAILURE as the task ends. `nothing`: whoever waits for the result waits for ever. */
  readonly stored: 'outcome' | 'nothing' | 'FAILURE' | 'REVOKED';
  /** One sentence; empty for a message like any other. */
  readonly why: string;
}

/** The body as kombu would hand it over. */
export type BodySeen =
  | { readonly kind: 'value'; readonly value: unknown }
  /** No codec reads it, or the compression does not fit. */
  | { readonly kind: 'undecodable'; readonly reason: string }
  /** Its content type is not on the accept list. */
  | { readonly kind: 'disallowed'; readonly contentType: string };

/** A message before a worker of an app that has the task, or that `isRegistered` describes. */
export interface SeenMessage {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: BodySeen;
  readonly nowMs: number;
  readonly isRegistered?: (task: unknown) => boolean;
}

/** A verdict in short. */
export function verdict(ending: Ending, stored: PythonVerdict['stored'], why: string): PythonVerdict {
  return { ending, stored, why };
}

/** The worker ends with this error, and so does the next one. */
export function crashLoop(why: string): PythonVerdict {
  return verdict('crash-loop', 'nothing', why);
}

/** A JSON object, as Python's dict. */
export function isDict(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Lists and dicts cannot be keys in Python. */
export function isHashable(value: unknown): boolean {
  return !Array.isArray(value) && !isDict(value);
}

/** Python's truth of a value that came from JSON or an AMQP table. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Uint8Array) return value.length > 0;
  // NaN is true in Python.
  if (typeof value === 'number') return value !== 0;
  return isDict(value) ? Object.keys(value).length > 0 : Boolean(value);
}

/** What `for x in value` and `a, b = value` yield in Python, or `undefined` for what cannot be iterated. */
export function elements(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value) || typeof value === 'string') return Array.from(value as Iterable<unknown>);
  return isDict(value) ? Object.keys(value) : undefined;
}
