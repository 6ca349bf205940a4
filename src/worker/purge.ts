import { purgeQueues } from '../app/purge.ts';
import type { Step } from './steps.ts';
import type { Worker } from './worker.ts';

/** Throws away what waits in the worker's queues before it starts. `celery/apps/worker.py purge_messages`. */
export class PurgeStep implements Step<Worker> {
  readonly name = 'purge';
  readonly #stopping = new AbortController();

  /** Rejects with `ConnectionError` when the retries are used up. */
  async start({ app, queues, logger }: Worker): Promise<void> {
    const { broker_connection_retry_on_startup: onStartup, broker_connection_retry: retry } = app.settings;
    const link = app.openLink();
    try {
      const connection = await link.openWithRetry(this.#stopping.signal, onStartup ?? retry);
      const purged = await purgeQueues(
        connection,
        queues.map(({ name }) => name),
      );
      const count = [...purged.values()].reduce((sum, one) => sum + one, 0);
      if (count > 0) logger.warning(`purge: Erased ${count} ${count === 1 ? 'message' : 'messages'} from the queue.`);
    } finally {
      await link.close();
    }
  }

  stop(): void {
    this.#stopping.abort(new Error('the worker is stopping'));
  }
}
