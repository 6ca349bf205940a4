import type { CeleryApp } from '../../app/celery.ts';
import type { Worker } from '../worker.ts';

/** What a control command works on. */
export interface ControlContext {
  readonly app: CeleryApp;
  /** The node's name. */
  readonly hostname: string;
  readonly worker: Worker;
}
