import { CeleryApp } from './app/celery.ts';
import { noSteps, Worker } from './worker/worker.ts';
import type { WorkerOptions, WorkerSteps } from './worker/worker.ts';

/** The app as users know it: a client, and a worker in the same process when asked for one. `celery.Celery`. */
export class Celery extends CeleryApp {
  /** Steps of your own, for each worker of this app: `app.steps.worker.add({ name, start, stop })`. */
  readonly steps: WorkerSteps = noSteps();

  /** A worker for this app's tasks, not yet started: `await worker.start()`, later `await worker.stop()`. */
  worker(options: WorkerOptions = {}): Worker {
    return new Worker(this, options, this.steps);
  }
}
