/// <reference lib="esnext.disposable" preserve="true" />
export { SoftTimeLimitExceeded } from './limits.ts';
export { Worker } from './worker.ts';
export type { WorkerOptions } from './worker.ts';
