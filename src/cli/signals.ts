import { EXIT } from './exit-codes.ts';
import { reportError } from './print.ts';

/** What a signal can do to a worker. */
export interface Stoppable {
  start(): Promise<void>;
  /** Warm shutdown: finish what runs, return the rest. */
  stop(): Promise<void>;
  readonly done: Promise<void>;
}

/**
 * Starts a worker and resolves to the exit code once a signal has ended it: TERM 0, INT 1, as Celery's.
 * A second INT, or QUIT, is a cold shutdown: running tasks are abandoned and the broker gets their late-acked messages back.
 * `say` tells the operator, in Celery's words (`celery/apps/worker.py`).
 */
export async function runUntilSignal(worker: Stoppable, say: (text: string) => void): Promise<number> {
  let exitCode: number = EXIT.ok;
  let interrupts = 0;
  const warm = (): void => {
    say('worker: Warm shutdown (MainProcess)');
    worker.stop().catch((error: unknown) => {
      exitCode = reportError(error, false);
    });
  };
  const onInt = (): void => {
    interrupts += 1;
    if (interrupts > 1) cold(EXIT.failure);
    exitCode = EXIT.failure;
    say('worker: Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!');
    warm();
  };
  const onQuit = (): void => cold(EXIT.ok);
  process.on('SIGTERM', warm).on('SIGINT', onInt).on('SIGQUIT', onQuit);
  try {
    await worker.start();
    await worker.done;
  } finally {
    process.off('SIGTERM', warm).off('SIGINT', onInt).off('SIGQUIT', onQuit);
  }
  return exitCode;

  function cold(code: number): never {
    say('worker: Cold shutdown (MainProcess)');
    process.exit(code);
  }
}
