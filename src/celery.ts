import { CeleryApp } from './app/celery.ts';
import { Worker } from './worker/worker.ts';
import type { WorkerOptions } from './worker/worker.ts';

/** The app as users know it: a client, and a worker in the same process when asked for one. `celery.Celery`. */
export class Celery extends CeleryApp {
  /** A worker for this app's tasks, not yet started: `await worker.start()`, later `await worker.stop()`. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this, options);
  }
}
