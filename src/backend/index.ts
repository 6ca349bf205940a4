export type { ResultBackend, ResultDestination, WaitOptions } from './backend.ts';
export type { BackendOptions } from './options.ts';
export { openBackend } from './registry.ts';
