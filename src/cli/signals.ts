import type { Shutdown } from '../worker/shutdown.ts';
import { EXIT } from './exit-codes.ts';
import { reportError } from './print.ts';

/** What a signal can do to a worker. */
export interface Stoppable {
  start(): Promise<void>;
  /** Warm shutdown: finish what runs, return the rest. */
  stop(why: Shutdown): Promise<void>;
  /** Cold shutdown: end what runs, after the soft wait; again, at once. */
  terminate(why: Shutdown): Promise<void>;
  readonly done: Promise<void>;
}

const LONG_MS = 2 ** 30;

/** How far a worker has come down. */
type Rung = 'running' | 'warm' | 'cold' | 'hurried';

/**
 * What each signal does next, in Celery's order and words (`celery/apps/worker.py`): TERM stops warmly, however often it
 * comes; INT warmly, then coldly, then without the soft wait, then by force; QUIT begins coldly. `REMAP_SIGTERM=SIGQUIT`
 * makes TERM a QUIT.
 */
class Ladder {
  readonly #worker: Stoppable;
  readonly #say: (text: string) => void;
  #rung: Rung = 'running';
  #exitCode: number = EXIT.ok;
  #stopping: Promise<void> = Promise.resolve();

  constructor(worker: Stoppable, say: (text: string) => void) {
    this.#worker = worker;
    this.#say = say;
  }

  /** TERM 0, INT 1, QUIT 0, or that of the error stopping has failed with; known once the worker has stopped. */
  async exitCode(): Promise<number> {
    await this.#stopping;
    return this.#exitCode;
  }

  readonly onTerm = (): void => {
    if (process.env['REMAP_SIGTERM'] === 'SIGQUIT') this.#down('SIGTERM');
    else this.#warm('SIGTERM');
  };

  readonly onInt = (): void => {
    if (this.#rung === 'running') {
      this.#exitCode = EXIT.failure;
      this.#say('worker: Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!');
      this.#warm('SIGINT');
    } else {
      this.#down('SIGINT');
    }
  };

  readonly onQuit = (): void => this.#down('SIGQUIT');

  #warm(sig: string): void {
    this.#say('worker: Warm shutdown (MainProcess)');
    if (this.#rung === 'running') this.#rung = 'warm';
    this.#settle(this.#worker.stop({ sig, exitCode: this.#exitCode }));
  }

  #down(sig: string): void {
    switch (this.#rung) {
      case 'running':
      case 'warm':
        this.#rung = 'cold';
        this.#say('worker: Hitting Ctrl+C again will terminate all running tasks!');
        this.#say('worker: Cold shutdown (MainProcess)');
        return this.#settle(this.#worker.terminate({ sig, exitCode: this.#exitCode }));
      case 'cold':
        this.#rung = 'hurried';
        this.#say('Waiting gracefully for cold shutdown to complete... The next signal ends the worker by force.');
        return this.#settle(this.#worker.terminate({ sig, exitCode: this.#exitCode }));
      case 'hurried':
        this.#say('worker: Hard shutdown (MainProcess)');
        process.exit(EXIT.failure);
    }
  }

  #settle(stopping: Promise<void>): void {
    this.#stopping = stopping.catch((error: unknown) => {
      this.#exitCode = reportError(error, false);
    });
  }
}

/**
 * Starts a worker and resolves to the exit code once a signal has ended it. `say` tells the operator what the next one does;
 * `close` is what comes last, and signals still mean what they mean while it takes its time.
 */
export async function runUntilSignal(worker: Stoppable, say: (text: string) => void, close: () => Promise<void>): Promise<number> {
  const ladder = new Ladder(worker, say);
  process.on('SIGTERM', ladder.onTerm).on('SIGINT', ladder.onInt).on('SIGQUIT', ladder.onQuit);
  // A worker that waits for a task may have nothing else open, and Node would end it.
  const alive = setInterval(() => undefined, LONG_MS);
  try {
    await worker.start();
    await worker.done;
    await close();
  } finally {
    clearInterval(alive);
    process.off('SIGTERM', ladder.onTerm).off('SIGINT', ladder.onInt).off('SIGQUIT', ladder.onQuit);
  }
  return ladder.exitCode();
}
