import type { ConsumerContext } from './consumer.ts';
import type { Queue } from '../routing/queue.ts';
import type { Executor } from './executor.ts';
import type { Intake } from './intake.ts';
import type { Pending } from './pending.ts';
import { Session } from './session.ts';
import type { Scheduled } from './state.ts';
import type { Step } from './steps.ts';
import type { Worker } from './worker.ts';

/** The consumer's last step: consumes the task queues on a channel of its own. `celery/worker/consumer/tasks.py`. */
export class TaskConsumer implements Step<ConsumerContext> {
  readonly name = 'tasks';
  readonly #executor: Executor;
  readonly #intake: Intake;
  readonly #multiplier: number;
  #session: Session | undefined;

  constructor({ executor, intake, multiplier }: { readonly executor: Executor; readonly intake: Intake; readonly multiplier: number }) {
    this.#executor = executor;
    this.#intake = intake;
    this.#multiplier = multiplier;
  }

  async start({ worker, connection, failed }: ConsumerContext): Promise<void> {
    const channel = await connection.openChannel();
    void channel.closed.then(failed);
    const { app, queues, hostname, logger, state, rateLimits } = worker;
    const parts = { app, channel, queues, concurrency: () => worker.prefetchSlots, hostname, logger, state, rateLimits };
    const etaLimit = app.settings.worker_eta_task_limit ?? Infinity;
    this.#session = new Session({
      ...parts,
      multiplier: this.#multiplier,
      intake: this.#intake,
      executor: this.#executor,
      etaLimit,
      onlyForFreeSlots: onlyForFreeSlots(worker),
    });
    await this.#session.start();
  }

  /** Messages that may be unsettled at once; 0 is no limit. */
  get prefetch(): number {
    return this.#session?.prefetch ?? 0;
  }

  /** Names of the queues that deliver now. */
  get consumed(): readonly string[] {
    return this.#session?.consumed ?? [];
  }

  /** Consumes one more queue, here and after the next connection; the caller has declared it. */
  async addQueue(queue: Queue): Promise<void> {
    await this.#session?.addQueue(queue);
  }

  /** Consumes a queue no longer. */
  async removeQueue(name: string): Promise<void> {
    await this.#session?.removeQueue(name);
  }

  /** The pool has another size. */
  resized(): void {
    this.#session?.resized();
  }

  /** Starts what waits for a slot. */
  startReady(): void {
    this.#session?.startReady();
  }

  reserved(): readonly Pending[] {
    return this.#session?.reserved() ?? [];
  }

  scheduled(): readonly Scheduled[] {
    return this.#session?.scheduled() ?? [];
  }

  /** Takes nothing new; what runs can still be settled. */
  async cancel(): Promise<void> {
    await this.#session?.cancel();
  }

  async stop(): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
    this.#intake.flushLog();
  }

  lost(): void {
    this.#session?.abandon();
    this.#session = undefined;
  }
}

/** Celery can do without prefetching on Redis alone; here every transport that fetches messages one by one can. */
function onlyForFreeSlots({ app, logger, disablePrefetch }: Worker): boolean {
  if (!disablePrefetch) return false;
  if (!/^(py)?amqps?:/.test(app.settings.broker_url)) return true;
  logger.warning('worker_disable_prefetch: an AMQP broker pushes messages, and so the prefetch stays. Lower worker_prefetch_multiplier.');
  return false;
}
