/** The key of a task's result in every key-value store. */
export function taskKey(taskId: string): string {
  return `celery-task-meta-${taskId}`;
}
