/** Starting the two workers, one queue each; a spare is started beside the one that is asked, since Python's are used up. */

import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { pythonVenv, spawnReady } from '../../test/servers.ts';
import type { Child } from '../../test/servers.ts';

/** The release whose column is measured. */
export const CELERY = '5.7.0';

const root = resolve(import.meta.dirname, '../..');

/** Where workers connect to. */
export interface Place {
  readonly broker: string;
  readonly backend: string;
  /** Suffix of the dead-letter queue's name, where the broker has such queues. */
  readonly dead?: string;
  readonly conf: Readonly<Record<string, unknown>>;
}

/** One worker and the queue that is its own. */
export interface Running {
  readonly child: Child;
  readonly queue: string;
}

/** How one of the two workers is started on a queue. */
export type Start = (place: Place, queue: string) => Promise<Child>;

function environment({ broker, backend, dead, conf }: Place, queue: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    TQ_BROKER: broker,
    TQ_BACKEND: backend,
    TQ_QUEUE: queue,
    TQ_CONF: JSON.stringify(conf),
    ...(dead === undefined ? {} : { TQ_DEAD: queue + dead }),
  };
}

/** `celery worker`, prefork with one child. */
export const startPython: Start = async (place, queue) => {
  const { celery } = await pythonVenv(CELERY);
  const quiet = ['--without-gossip', '--without-mingle', '--without-heartbeat'];
  return spawnReady(celery, {
    args: ['-A', 'worker', 'worker', '-n', `${queue}@%h`, '-P', 'prefork', '-c', '1', '-l', 'INFO', '-Q', queue, ...quiet],
    cwd: import.meta.dirname,
    env: environment(place, queue),
    readyText: / ready\./,
  });
};

/** `tq-bridge worker` of `dist`. */
export const startOurs: Start = (place, queue) =>
  spawnReady(process.execPath, {
    args: [`${root}/dist/cli/main.js`, '-A', `${import.meta.dirname}/worker.ts`, 'worker', '-c', '1', '-l', 'INFO'],
    env: environment(place, queue),
    readyText: /ready\./,
  });

/** Workers of one kind, one after the other. */
export class Workers implements AsyncDisposable {
  /** How many have been taken into service. */
  started = 0;
  readonly #start: () => Promise<Running>;
  readonly #withSpare: boolean;
  #current: Running | undefined;
  #spare: Promise<Running> | undefined;

  constructor(start: Start, place: Place, withSpare: boolean) {
    this.#withSpare = withSpare;
    this.#start = async () => {
      const queue = `hostile-${randomUUID()}`;
      return { child: await start(place, queue), queue };
    };
  }

  /** A living worker: the one of before, or the next. */
  async living(): Promise<Running> {
    if (this.#current !== undefined && !this.#current.child.exited()) return this.#current;
    this.#current = await (this.#spare ?? this.#start());
    this.started += 1;
    this.#spare = this.#withSpare ? this.#start() : undefined;
    // Whoever waits for it hears of it.
    this.#spare?.catch(() => undefined);
    return this.#current;
  }

  /** Ends the worker in service; what it had not settled goes back to its queue. */
  async retire(signal: NodeJS.Signals): Promise<void> {
    await this.#current?.child.stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.child.stop();
    const spare = await this.#spare?.catch(() => undefined);
    await spare?.child.stop('SIGKILL');
  }
}
