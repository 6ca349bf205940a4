import { runningTask } from '../app/current.ts';
import type { Logger } from '../base/logger.ts';

/**
 * Catches what tasks leave behind on the shared event loop: rejections nobody handles, errors thrown from timers. Each is
 * one line that names the task whose code it was; the task itself ends as it ends, and the worker goes on. Returns how to
 * stop catching.
 */
export function catchStrayErrors(logger: Logger): () => void {
  const report =
    (what: string) =>
    (error: unknown): void => {
      const task = runningTask()?.context;
      const whose = task === undefined ? 'Code outside of any task' : `Task ${task.task.slice(0, 256)}[${task.id.slice(0, 256)}]`;
      logger.error(`${whose} left ${what}: ${describe(error)}`, task === undefined ? {} : { task_id: task.id, task_name: task.task });
    };
  const onRejection = report('an unhandled rejection');
  const onException = report('an uncaught error');
  process.on('unhandledRejection', onRejection).on('uncaughtException', onException);
  return () => void process.off('unhandledRejection', onRejection).off('uncaughtException', onException);
}

function describe(error: unknown): string {
  try {
    return (error instanceof Error && typeof error.stack === 'string' ? error.stack : String(error)).slice(0, 2048);
  } catch {
    return 'something that cannot be printed';
  }
}
