/// <reference lib="esnext.disposable" preserve="true" />
export { SoftTimeLimitExceeded, TimeLimitExceeded } from './limits.ts';
export { Worker } from './worker.ts';
export type { AppSource, WorkerOptions } from './worker.ts';
