import type { CeleryApp } from '../app/celery.ts';
import { buildMeta } from '../protocol/result.ts';
import type { ExceptionWire, ResultMeta, ResultTuple } from '../protocol/result.ts';
import type { TaskState } from '../protocol/state.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Delivery } from '../transport/transport.ts';

/** One state to be stored. */
export interface StateToStore {
  readonly taskId: string;
  readonly status: TaskState;
  readonly result: unknown;
  readonly traceback?: string | undefined;
}

/** What is known about the task when its state is stored. */
export interface Circumstances {
  readonly delivery: Delivery;
  readonly request?: TaskRequest;
  readonly children?: readonly ResultTuple[];
  readonly hostname: string;
}

/** Stores a state. Rejects as `ResultBackend.storeResult` does. */
export async function storeState(app: CeleryApp, state: StateToStore, circumstances: Circumstances): Promise<void> {
  if (app.settings.result_backend === null) return;
  const { delivery, request, children } = circumstances;
  const meta = buildMeta({
    ...state,
    children,
    nowMs: app.host.now(),
    groupId: request?.group,
    parentId: request?.parentId,
    extended: app.settings.result_extended && request !== undefined ? extended(request, circumstances) : undefined,
  });
  const { replyTo, correlationId } = delivery.message.properties;
  await (await app.backend()).storeResult(meta, { replyTo, correlationId });
}

/** States that a revocation may overwrite: nobody runs the task, and nobody has. */
const REVOCABLE: ReadonlySet<TaskState> = new Set(['PENDING', 'RECEIVED', 'RETRY', 'REJECTED']);

/** Why a task is REVOKED, as it is stored. `celery/backends/base.py mark_as_revoked`. */
export function revokedResult(reason: string): ExceptionWire {
  return { exc_type: 'TaskRevokedError', exc_message: [reason], exc_module: 'celery.exceptions' };
}

/**
 * Stores REVOKED for a task that nobody has here, so that whoever waits for it need not. Results that travel by message
 * cannot: only the task's own message says where to. Rejects as the backend does. `celery/worker/control.py _revoke`.
 */
export async function storeRevoked(app: CeleryApp, taskId: string): Promise<void> {
  if (app.settings.result_backend === null) return;
  const backend = await app.backend();
  if (backend.name === 'rpc') return;
  const known = await backend.getMeta(taskId);
  if (known !== undefined && !REVOCABLE.has(known.status)) return;
  const meta = buildMeta({ taskId, status: 'REVOKED', result: revokedResult('revoked'), nowMs: app.host.now() });
  await backend.storeResult(meta, { replyTo: undefined, correlationId: undefined });
}

/** The fields of `result_extended`; stamps lie flat among them. */
function extended(request: TaskRequest, { delivery, hostname }: Circumstances): Partial<ResultMeta> {
  const stamps = request.stampedHeaders === undefined ? {} : { stamped_headers: request.stampedHeaders };
  const stamped = Object.fromEntries((request.stampedHeaders ?? []).map((name) => [name, request.stamps[name]]));
  return {
    name: request.task,
    args: request.args,
    kwargs: request.kwargs,
    worker: hostname,
    retries: request.retries,
    queue: delivery.info.routingKey,
    ...stamps,
    ...stamped,
  };
}
