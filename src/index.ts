/// <reference lib="esnext.disposable" preserve="true" />
export { Celery } from './celery.ts';
export type { PreparedTask, RegisteredTask } from './app/celery.ts';
export { currentTask } from './app/current.ts';
export { Ignore, MaxRetriesExceededError, Reject, Retry } from './app/exceptions.ts';
export type { SendOptions } from './app/options.ts';
export { AsyncResult } from './app/result.ts';
export type { GetOptions } from './app/result.ts';
export type { Settings } from './app/settings.ts';
export type { RetryOptions, TaskContext, TaskHandler, TaskOptions } from './app/task.ts';
export * from './base/errors.ts';
export type { Logger } from './base/logger.ts';
export { DateTime, Decimal, PlainDate, PlainTime, Uuid } from './base/values.ts';
export { createLogger } from './driver/logger.ts';
export { signature } from './protocol/signature.ts';
export type { SignatureWire } from './protocol/signature.ts';
export type { Worker, WorkerOptions } from './worker/worker.ts';
