/** The states Celery knows (`celery/states.py`); a task may store any other string of its own. */
export type TaskState =
  | 'PENDING'
  | 'RECEIVED'
  | 'STARTED'
  | 'SUCCESS'
  | 'FAILURE'
  | 'REVOKED'
  | 'RETRY'
  | 'IGNORED'
  | 'REJECTED'
  | (string & {});

const READY: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED']);
const EXCEPTION: ReadonlySet<string> = new Set(['RETRY', 'FAILURE', 'REVOKED']);
const PROPAGATE: ReadonlySet<string> = new Set(['FAILURE', 'REVOKED']);

/** The task has ended and its state will not change again. */
export function isReadyState(state: string): boolean {
  return READY.has(state);
}

/** `result` of such a state is an exception object. */
export function isExceptionState(state: string): boolean {
  return EXCEPTION.has(state);
}

/** `get()` rejects for such a state. */
export function isPropagatingState(state: string): boolean {
  return PROPAGATE.has(state);
}

/** From the state that wins to the one that yields; those of a task's own stand after FAILURE. `celery/states.py PRECEDENCE`. */
const PRECEDENCE: readonly TaskState[] = ['SUCCESS', 'FAILURE', '', 'REVOKED', 'STARTED', 'RECEIVED', 'REJECTED', 'RETRY', 'PENDING'];

/** Where a state stands among those that events may tell of out of order: the lower, the later it is. */
export function statePrecedence(state: TaskState): number {
  const at = PRECEDENCE.indexOf(state);
  return at < 0 ? PRECEDENCE.indexOf('') : at;
}
