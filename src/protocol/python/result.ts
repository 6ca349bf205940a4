import { isExceptionState, isReadyState } from '../state.ts';
import { isDict } from './verdict.ts';
import type { CeleryRelease } from './verdict.ts';

/** A stored result as it lies in the store. */
export interface SeenResult {
  /** The value that was deserialised, `undefined` where it could not be. */
  readonly value: unknown;
  /** It begins with Celery 5.7's mark of a compressed result. */
  readonly compressed: boolean;
}

/** What `AsyncResult.get` of a Python client does with a stored result, in one sentence. `celery/backends/base.py`. */
export function pythonReads({ value, compressed }: SeenResult, release: CeleryRelease): string {
  if (compressed && release === '5.6') return 'raises DecodeError: only 5.7 and later read compressed results';
  if (value === undefined) return 'raises DecodeError';
  if (!isDict(value)) return 'raises TypeError: it is not an object';
  const { status } = value as { readonly status?: unknown };
  if (!('status' in value)) return "raises KeyError('status')";
  if (typeof status !== 'string' || !isReadyState(status)) return waiting(status);
  if (!('result' in value)) return "raises KeyError('result')";
  if (!('task_id' in value)) return "raises KeyError('task_id') with Redis; other backends do not look";
  if (!areTuples(value['children'])) return 'raises TypeError or ValueError: children is not a list of pairs';
  return isExceptionState(status) ? raising(value['result']) : 'returns the result';
}

function waiting(status: unknown): string {
  const known = ['PENDING', 'RECEIVED', 'STARTED', 'RETRY'].includes(String(status));
  return known ? 'waits: the state is not final' : 'waits for ever unless the task stores a state it knows';
}

function areTuples(children: unknown): boolean {
  if (children === undefined || children === null) return true;
  return Array.isArray(children) && children.every((child) => Array.isArray(child) && child.length === 2);
}

function raising(failure: unknown): string {
  if (failure === null) return 'raises RuntimeError: there is no exception to raise';
  if (!isDict(failure) || !('exc_type' in failure)) return 'raises ValueError: it is no stored exception';
  const { exc_type: type, exc_module: module } = failure as { readonly exc_type?: unknown; readonly exc_module?: unknown };
  if (typeof type !== 'string') return 'raises ValueError: exc_type is not a name';
  if (type === 'SystemExit' || type === 'KeyboardInterrupt') return `raises ${type}, which ends the client's process`;
  const place = typeof module === 'string' && module !== 'builtins' ? `${module}.${type}` : type;
  return `raises ${place}, or a class made up under that name where it cannot be imported; SecurityError where it is no exception`;
}
