import { utf8Encode } from '../base/bytes.ts';
import { ResultDecodeError } from '../base/errors.ts';
import { formatUtc } from '../base/iso8601.ts';
import { isReadyState } from './state.ts';
import type { TaskState } from './state.ts';

/** `[[id, parent], children]`, as `AsyncResult.as_tuple` spells it. */
export type ResultTuple = readonly [readonly [string, ResultTuple | null], readonly ResultTuple[] | null];

/** A failure as it is stored. `celery/backends/base.py prepare_exception`. */
export interface ExceptionWire {
  readonly exc_type: string;
  readonly exc_message: readonly unknown[];
  readonly exc_module: string;
}

/** A stored result, spelled as it is stored. For FAILURE, RETRY and REVOKED `result` is an `ExceptionWire`. */
export interface ResultMeta {
  readonly task_id: string;
  readonly status: TaskState;
  readonly result: unknown;
  readonly traceback: string | null;
  readonly children: readonly ResultTuple[] | null;
  readonly date_done: string | null;
  readonly group_id?: string;
  readonly parent_id?: string;
  /** With `result_extended`: name, args, kwargs, worker, retries, queue and stamps. */
  readonly [extended: string]: unknown;
}

/** What a state to be stored is made of. */
export interface MetaParts {
  readonly taskId: string;
  readonly status: TaskState;
  readonly result: unknown;
  readonly traceback?: string | undefined;
  readonly children?: readonly ResultTuple[] | undefined;
  readonly nowMs: number;
  readonly groupId?: string | undefined;
  readonly parentId?: string | undefined;
  readonly extended?: Readonly<Record<string, unknown>> | undefined;
}

/** A state in Celery's key order; `date_done` only for final states. `celery/backends/base.py _get_result_meta`. */
export function buildMeta(parts: MetaParts): ResultMeta {
  return {
    status: parts.status,
    result: parts.result,
    traceback: parts.traceback ?? null,
    children: parts.children ?? [],
    date_done: isReadyState(parts.status) ? formatUtc(parts.nowMs) : null,
    ...(parts.groupId === undefined ? undefined : { group_id: parts.groupId }),
    ...(parts.parentId === undefined ? undefined : { parent_id: parts.parentId }),
    ...parts.extended,
    task_id: parts.taskId,
  };
}

/** A result tuple of one task without a parent. */
export function resultTuple(taskId: string): ResultTuple {
  return [[taskId, null], null];
}

/** Reads a stored state, whoever wrote it: absent optional fields are filled in. Throws `ResultDecodeError`. */
export function decodeMeta(value: unknown, taskId?: string): ResultMeta {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ResultDecodeError(`a stored result must be an object, not ${describe(value)}`);
  const meta = value as Readonly<Record<string, unknown>> & { readonly [key in 'status' | 'task_id' | 'children']?: unknown };
  if (typeof meta.status !== 'string') throw new ResultDecodeError(`a stored result needs a status, not ${describe(meta.status)}`);
  const id = typeof meta.task_id === 'string' ? meta.task_id : taskId;
  if (id === undefined) throw new ResultDecodeError('a stored result needs a task_id');
  if (meta.status === 'SUCCESS' && !('result' in meta)) throw new ResultDecodeError('a stored SUCCESS has no result');
  return {
    ...meta,
    task_id: id,
    status: meta.status,
    result: meta['result'] ?? null,
    traceback: typeof meta['traceback'] === 'string' ? meta['traceback'] : null,
    children: childTuples(meta.children),
    date_done: typeof meta['date_done'] === 'string' ? meta['date_done'] : null,
  } as ResultMeta;
}

function childTuples(value: unknown): readonly ResultTuple[] | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value) || !value.every(isResultTuple)) throw new ResultDecodeError('children must be result tuples');
  return value;
}

function isResultTuple(value: unknown): value is ResultTuple {
  if (!Array.isArray(value) || value.length !== 2 || !Array.isArray(value[0])) return false;
  return typeof value[0][0] === 'string';
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}

const COMPRESSED_PREFIX = '\0celery-compressed\0';

/** A stored value that says how it was compressed, as Celery 5.7 writes it. `celery/backends/base.py compress_payload`. */
export function joinCompressedResult(mime: string, body: Uint8Array): Uint8Array {
  const prefix = utf8Encode(`${COMPRESSED_PREFIX}${mime}\0`);
  const bytes = new Uint8Array(prefix.length + body.length);
  bytes.set(prefix);
  bytes.set(body, prefix.length);
  return bytes;
}

/** The mime type and the compressed bytes of a value that Celery 5.7 stored with `result_compression`; `undefined` for any other. */
export function splitCompressedResult(bytes: Uint8Array): { readonly mime: string; readonly body: Uint8Array } | undefined {
  if (bytes[0] !== 0) return undefined;
  for (let index = 0; index < COMPRESSED_PREFIX.length; index += 1) {
    if (bytes[index] !== COMPRESSED_PREFIX.charCodeAt(index)) return undefined;
  }
  const end = bytes.indexOf(0, COMPRESSED_PREFIX.length);
  if (end < 0) return undefined;
  return { mime: String.fromCharCode(...bytes.subarray(COMPRESSED_PREFIX.length, Math.min(end, 256))), body: bytes.subarray(end + 1) };
}
