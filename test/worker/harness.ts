import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Logger, LogLevel } from '../../src/base/logger.ts';
import { Celery } from '../../src/celery.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import { memoryTransport } from '../../src/transport/memory.ts';
import type { Channel, Delivery } from '../../src/transport/transport.ts';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';
import { transportOptions } from '../conformance/transport.ts';

/** An app on a memory broker of its own for each test, with a worker when the test starts one. */
export interface Harness {
  readonly app: Celery;
  /** What was logged, `level: text`. */
  readonly lines: string[];
  start(options?: WorkerOptions): Promise<Worker>;
  /** Sends a task and resolves to its result. */
  run(name: string, args?: unknown[], options?: object): Promise<unknown>;
  /** Another connection to the same broker. */
  broker(): Promise<Channel>;
  /** The next message of a queue that no worker consumes. */
  next(queue: string): Promise<Delivery>;
}

/** Registers the hooks that make and end a harness. */
export function harness(settings: Readonly<Record<string, unknown>> = {}): Harness {
  let app: Celery;
  let url: string;
  const workers: Worker[] = [];
  const lines: string[] = [];
  const write =
    (level: LogLevel) =>
    (text: string): void =>
      void lines.push(`${level}: ${text}`);
  const logger: Logger = {
    ...silentLogger,
    info: write('info'),
    warning: write('warning'),
    error: write('error'),
    critical: write('critical'),
    isEnabled: () => true,
  };
  const broker = async (): Promise<Channel> => (await memoryTransport.connect(parseBrokerUrl(url), transportOptions())).openChannel();
  beforeEach(() => {
    url = `memory://${randomUUID()}`;
    lines.length = 0;
    app = new Celery('test', { broker_url: url, result_backend: url, ...settings });
    app.setLogger(logger);
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await app.close();
  });
  return {
    get app() {
      return app;
    },
    lines,
    start: async (options = {}) => {
      const worker = app.worker(options);
      workers.push(worker);
      await worker.start();
      return worker;
    },
    run: async (name, args = [], options = {}) => (await app.sendTask(name, args, options)).get({ timeout: 5 }),
    broker,
    next: async (queue) => {
      const channel = await broker();
      await channel.declareQueue(plainQueue(queue));
      return new Promise((resolve) => {
        void channel.consume([plainQueue(queue)], {
          prefetch: 1,
          noAck: false,
          onDelivery: resolve,
          onCancelled: () => undefined,
        });
      });
    },
  };
}
