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
